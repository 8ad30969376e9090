"""Hand-made event streams: what a traced process would send, told in a few words.

stream = Stream()
client = stream.manager("boto3 dynamodb", "handler.py:14")
pool = stream.pool(client, "dynamodb.eu-west-1.amazonaws.com")
stream.request(pool)                      # a first request: looks up, connects, TLS
stream.sleep(3.1)
stream.request(pool, stream.server_closed(pool, limit_s=2.0))
spans = stream.analyze()
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from conntrace.analyzer.exporters.memory import MemoryExporter
from conntrace.analyzer.pipeline import Pipeline
from conntrace.analyzer.span import AttributeValue, Span
from conntrace.analyzer.summary import Summary
from conntrace.events import (
    Checkout,
    Close,
    ConnectEnd,
    ConnectStart,
    Event,
    Goodbye,
    Hello,
    LeaseEnd,
    LookupEnd,
    LookupStart,
    ManagerClosed,
    ManagerGone,
    ManagerNew,
    PoolClosed,
    PoolEvicted,
    PoolNew,
    RequestEnd,
    RequestStart,
    SetupEnd,
    SetupStart,
    TlsEnd,
    TlsStart,
    encode,
)

MILLISECOND = 1_000_000
SECOND = 1_000_000_000
BOOT_NS = 5_000 * SECOND
EPOCH_NS = 1_750_000_000 * SECOND
PROCESS = "0123456789abcdef"
ESTABLISHED, CLOSED, CLOSE_WAIT = 1, 7, 8


@dataclass
class PoolModel:
    """A pool of the stream: what its queue holds."""

    id: int
    scheme: str
    host: str
    port: int
    proxy: str
    maxsize: int
    idle: list[int] = field(default_factory=list)
    in_use: list[int] = field(default_factory=list)
    put_ns: dict[int, int] = field(default_factory=dict)


class Stream:
    """The events of one process, in order, with a clock of its own."""

    def __init__(
        self,
        process: str = PROCESS,
        *,
        late: bool = False,
        service: str = "shop",
        ids_from: int = 1,
    ) -> None:
        self.process = process
        self.now = BOOT_NS
        self.thread = 100
        self.events: list[Event] = []
        self.next_id = ids_from
        self.pools: dict[int, PoolModel] = {}
        self.hello(late=late, service=service)

    # --- the basics -----------------------------------------------------------------------------
    def send(self, event: Event) -> None:
        """Add one event, now, from the current thread; time goes on a little."""
        self.now += MILLISECOND // 10
        event.time_ns = event.time_ns or self.now
        event.thread = event.thread or self.thread
        self.events.append(event)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += round(seconds * SECOND)

    def draw(self) -> int:
        """A new id."""
        self.next_id += 1
        return self.next_id - 1

    def hello(
        self, *, late: bool = False, service: str = "shop", forked_from: str = "", first_id: int = 0
    ) -> None:
        self.send(
            Hello(
                schema=1,
                token="secret",
                process=self.process,
                pid=4242,
                wall_ns=EPOCH_NS + (self.now - BOOT_NS),
                way="run",
                late=late,
                service=service,
                forked_from=forked_from,
                first_id=first_id,
                python="3.11.7",
                command="app.py",
            )
        )

    def goodbye(self) -> None:
        self.send(Goodbye(agent_ns=1_000_000))

    def fork(self, process: str = "fedcba9876543210") -> Stream:
        """The child: goes on from where this process stands, with the ids and pools it inherits."""
        child = Stream(process)
        child.events.clear()
        child.now, child.next_id = self.now, self.next_id
        child.pools = {
            key: PoolModel(
                pool.id, pool.scheme, pool.host, pool.port, pool.proxy, pool.maxsize,
                list(pool.idle), list(pool.in_use), dict(pool.put_ns),
            )
            for key, pool in self.pools.items()
        }  # fmt: skip
        child.hello(forked_from=self.process, first_id=self.next_id)
        return child

    # --- clients and pools ----------------------------------------------------------------------
    def manager(
        self,
        owner: str = "urllib3.PoolManager",
        site: str = "app.py:10",
        *,
        purpose: str = "app",
        one_shot: str = "",
        num_pools: int = 10,
    ) -> int:
        identifier = self.draw()
        file, _, line = site.partition(":")
        self.send(
            ManagerNew(
                manager=identifier,
                owner=owner,
                purpose=purpose,
                one_shot=one_shot,
                num_pools=num_pools,
                site_file=file,
                site_line=int(line or 0),
                site_function="main",
            )
        )
        return identifier

    def pool(
        self,
        manager: int = 0,
        host: str = "api.example.com",
        port: int = 443,
        *,
        scheme: str = "https",
        proxy: str = "",
        maxsize: int = 1,
        key: str = "",
        key_difference: Sequence[str] = (),
        num_pools: int = 10,
        site: str = "",
        late: bool = False,
    ) -> int:
        identifier = self.draw()
        file, _, line = site.partition(":")
        self.pools[identifier] = PoolModel(identifier, scheme, host, port, proxy, maxsize)
        self.send(
            PoolNew(
                pool=identifier,
                manager=manager,
                scheme=scheme,
                host=host,
                port=port,
                proxy=proxy,
                maxsize=maxsize,
                num_pools=num_pools if manager else 0,
                key=key or f"{scheme}:{host}:{port}",
                key_difference=tuple(key_difference),
                owner="" if manager else "urllib3.HTTPConnectionPool",
                late=late,
                site_file=file,
                site_line=int(line or 0),
            )
        )
        return identifier

    def evict(self, victim: int, evictor: int, manager: int, limit: int) -> None:
        lost, by = self.pools[victim], self.pools[evictor]
        self.send(
            PoolEvicted(
                pool=victim,
                manager=manager,
                evictor=evictor,
                evictor_host=by.host,
                evictor_port=by.port,
                num_pools=limit,
                connections_lost=len(lost.idle),
            )
        )
        self.close_idle(victim)

    def close_idle(self, pool: int, by: str = "pool") -> None:
        """Close everything idle in a pool."""
        for connection in self.pools[pool].idle:
            self.send(Close(connection=connection, by=by, tcp_state=ESTABLISHED))
        self.pools[pool].idle.clear()

    def close_manager(self, manager: int, pools: Iterable[int], site: str = "app.py:20") -> None:
        file, _, line = site.partition(":")
        self.send(ManagerClosed(manager=manager, site_file=file, site_line=int(line)))
        for pool in pools:
            self.close_idle(pool)

    def close_pool(self, pool: int, site: str = "app.py:20") -> None:
        file, _, line = site.partition(":")
        self.send(PoolClosed(pool=pool, site_file=file, site_line=int(line)))
        self.close_idle(pool)

    def collect_manager(self, manager: int, pools: Iterable[int]) -> None:
        self.send(ManagerGone(manager=manager))
        for pool in pools:
            self.close_idle(pool)

    # --- requests -------------------------------------------------------------------------------
    def start(self, pool: int, *, previous: int = 0, method: str = "GET", **more: object) -> int:
        """A request begins."""
        request = self.draw()
        event = RequestStart(
            request=request, pool=pool, method=method, path="/items", previous=previous
        )
        for name, value in more.items():
            setattr(event, name, value)
        self.send(event)
        return request

    def checkout(self, request: int, pool: int, **facts: object) -> Checkout:
        """The pool is asked; without facts, what its queue says."""
        model = self.pools[pool]
        event = Checkout(request=request, pool=pool, maxsize=model.maxsize)
        event.in_use = len(model.in_use)
        event.queue_size = max(0, model.maxsize - len(model.in_use))
        if model.idle:
            connection = model.idle.pop()
            event.outcome, event.connection = "reused", connection
            event.idle_ns = self.now - model.put_ns[connection]
        else:
            event.outcome = "placeholder" if event.queue_size else "empty"
        event.idle_others = len(model.idle)
        event.tls = model.scheme == "https"
        for name, value in facts.items():
            setattr(event, name, value)
        if event.outcome == "reused":
            model.in_use.append(event.connection)
        self.send(event)
        return event

    def setup(
        self,
        pool: int = 0,
        request: int = 0,
        *,
        previous: int = 0,
        error: str = "",
        lookup_error: str = "",
        addresses: Sequence[tuple[str, str]] = (("192.0.2.1", ""),),
        **more: object,
    ) -> int:
        """A connection is made: lookup, connects (address and error each), TLS for https."""
        model = self.pools.get(pool)
        setup = self.draw()
        event = SetupStart(setup=setup, request=request, pool=pool, previous=previous)
        event.client = "urllib3" if pool else "http.client"
        if model is not None:
            event.scheme, event.host, event.port = model.scheme, model.host, model.port
            event.proxy = model.proxy
        for name, value in more.items():
            setattr(event, name, value)
        self.send(event)
        self._dial(setup, event, lookup_error, addresses)
        failed = lookup_error or addresses[-1][1] or error
        if event.scheme == "https" and not (lookup_error or addresses[-1][1]):
            operation = self.draw()
            self.send(TlsStart(operation=operation, setup=setup, host=event.host))
            self.sleep(0.006)
            self.send(TlsEnd(operation=operation, protocol="TLSv1.3", cipher="AES", error=error))
        self.send(SetupEnd(setup=setup, error=failed))
        if model is not None and not failed:
            model.in_use.append(setup)
        return setup

    def _dial(
        self,
        setup: int,
        event: SetupStart,
        lookup_error: str,
        addresses: Sequence[tuple[str, str]],
    ) -> None:
        operation = self.draw()
        self.send(
            LookupStart(
                operation=operation,
                setup=setup,
                function="getaddrinfo",
                host=event.host,
                port=event.port,
                request=event.request,
            )
        )
        self.sleep(0.008)
        answers = () if lookup_error else tuple(address for address, _ in addresses)
        self.send(LookupEnd(operation=operation, answers=answers, error=lookup_error))
        if lookup_error:
            return
        for address, refused in addresses:
            operation = self.draw()
            self.send(
                ConnectStart(operation=operation, setup=setup, address=address, port=event.port)
            )
            self.sleep(0.001)
            self.send(ConnectEnd(operation=operation, error=refused))

    def put(self, pool: int, connection: int, request: int = 0, how: str = "stored") -> None:
        """The connection comes back."""
        model = self.pools[pool]
        if connection in model.in_use:
            model.in_use.remove(connection)
        if how == "stored" and len(model.idle) >= model.maxsize:
            how = "full"
        if how == "stored":
            model.idle.append(connection)
            model.put_ns[connection] = self.now
        self.send(LeaseEnd(connection=connection, pool=pool, request=request, how=how))
        if how == "full":
            self.send(Close(connection=connection, by="full", tcp_state=ESTABLISHED))

    def answer(self, request: int, connection: int, status: int = 200) -> None:
        """The response's headers are there."""
        self.sleep(0.005)
        self.send(RequestEnd(request=request, status=status, connection=connection))

    def request(
        self, pool: int, facts: dict[str, object] | None = None, **more: object
    ) -> tuple[int, int]:
        """One whole request; with `facts` the check-out finds that. Returns request, connection."""
        request = self.start(pool, **more)  # type: ignore[arg-type]
        checkout = self.checkout(request, pool, **(facts or {}))
        connection = checkout.connection
        if checkout.outcome != "reused":
            connection = self._replace(pool, request, checkout)
        self.answer(request, connection)
        self.put(pool, connection, request)
        return request, connection

    def _replace(self, pool: int, request: int, checkout: Checkout) -> int:
        if checkout.outcome == "dropped":
            self.send(
                Close(
                    connection=checkout.connection,
                    by="dropped_check",
                    request=request,
                    tcp_state=checkout.tcp_state,
                )
            )
        return self.setup(pool, request, previous=checkout.connection)

    def fail(self, pool: int, request: int, connection: int, error: str) -> None:
        """A request breaks: its connection is closed and an empty slot goes back."""
        model = self.pools[pool]
        if connection in model.in_use:
            model.in_use.remove(connection)
        self.send(Close(connection=connection, by="error", error=error, request=request))
        self.send(LeaseEnd(connection=connection, pool=pool, request=request, how="error"))
        self.send(RequestEnd(request=request, error=error, connection=connection))

    # --- what a check-out can find --------------------------------------------------------------
    def found_dead(self, pool: int, **facts: object) -> dict[str, object]:
        """The idle connection of a pool, found readable."""
        connection = self.pools[pool].idle.pop()
        idle_ns = self.now - self.pools[pool].put_ns[connection]
        found: dict[str, object] = {
            "outcome": "dropped",
            "connection": connection,
            "idle_ns": idle_ns,
            "pending_bytes": 0,
        }
        return {**found, **facts}

    def server_closed(self, pool: int, limit_s: float) -> dict[str, object]:
        """A FIN came `limit_s` after the connection was put back."""
        idle_s = (self.now - self.pools[pool].put_ns[self.pools[pool].idle[-1]]) / SECOND
        return self.found_dead(
            pool,
            tcp_state=CLOSE_WAIT,
            last_ack_received_ms=round((idle_s - limit_s) * 1000),
        )

    def ended_by_response(self, pool: int, request: int, **facts: object) -> dict[str, object]:
        """The last response ended its connection; returns what the next check-out finds."""
        connection = self.pools[pool].idle.pop()
        event = Close(connection=connection, by="response", request=request, response_version=11)
        event.response_length = True
        for name, value in facts.items():
            setattr(event, name, value)
        self.send(event)
        return {"outcome": "closed", "connection": connection, "idle_ns": self.now}

    # --- the verdict ----------------------------------------------------------------------------
    @property
    def lines(self) -> list[bytes]:
        """The stream as it travels."""
        return [encode(event) for event in self.events]

    def analyze(self, *others: Stream) -> Result:
        """Feed it (and then other processes) to a pipeline of its own, and finish."""
        return analyze([self, *others])


@dataclass
class Result:
    """What came out."""

    spans: list[Span]
    summary: Summary

    def named(self, start: str) -> list[Span]:
        """The spans whose name begins so, by start."""
        found = [span for span in self.spans if span.name.startswith(start)]
        return sorted(found, key=lambda span: span.start_ns)

    def one(self, start: str) -> Span:
        """The only span whose name begins so."""
        (span,) = self.named(start)
        return span

    @property
    def setups(self) -> list[Span]:
        return self.named("HTTP connection_setup")

    @property
    def causes(self) -> list[str]:
        """Cause ids of the set-ups, in order."""
        return [text(span, "conntrace.cause.name") for span in self.setups]

    def by_id(self, span_id: str) -> Span | None:
        return next((span for span in self.spans if span.span_id == span_id), None)


def text(span: Span, name: str) -> str:
    """A text attribute, empty when it is not there."""
    value = span.attributes.get(name, "")
    assert isinstance(value, str)
    return value


def texts(span: Span, name: str) -> list[str]:
    """A list attribute, empty when it is not there."""
    value = span.attributes.get(name, [])
    assert isinstance(value, list)
    return value


def number(span: Span, name: str) -> float:
    """A number attribute."""
    value = span.attributes[name]
    assert isinstance(value, (int, float))
    return float(value)


def verdict(span: Span) -> tuple[str, str, bool, bool]:
    """Cause, confidence, avoidable, and whether there is advice."""
    return (
        text(span, "conntrace.cause.name"),
        text(span, "conntrace.cause.confidence"),
        bool(span.attributes.get("conntrace.cause.avoidable")),
        "conntrace.cause.advice" in span.attributes,
    )


OnCause = Callable[[str, int, dict[str, AttributeValue]], None]


def analyze(
    streams: Sequence[Stream],
    *,
    redact: frozenset[str] = frozenset(),
    on_cause: OnCause | None = None,
    lost: bool = False,
) -> Result:
    """Feed streams one after the other; `lost`: their processes die without a goodbye."""
    memory = MemoryExporter()
    pipeline = Pipeline([memory], redact=redact, on_cause=on_cause)
    for stream in streams:
        pipeline.feed(stream.process, stream.lines)
    if lost:
        for stream in streams:
            pipeline.tick(stream.now)
            pipeline.lost(stream.process)
    pipeline.finish()
    return Result(memory.spans, pipeline.summary())
