"""The typed events: the one interchange between the traced program and the analyzer.

A traced process writes events as lines (`conntrace.event_lines`); the analyzer reads the lines back
with `decode` into the classes of this module. The classes are the table that `docs/events.md` is
generated from: each field's metadata holds its meaning and unit.

Line form, schema 1: `kind TAB time_ns TAB thread TAB field TAB field ...`, UTF-8, one event a line,
fields in the order of the class. An empty field means "not known" (or false, or zero, by the type).
`\\\\`, `\\t`, `\\n`, `\\r` are escaped with a backslash; the items of a list are joined with the
unit separator 0x1f. A line has at most 4096 bytes: longer texts are cut and end in `…`.
Readers ignore fields they do not know and take missing ones as not known.

Ids are whole numbers drawn from one counter of the process, never reused, 0 when there is none.
After a fork the child goes on counting from where its parent stood (`Hello.first_id`), so a lower
id names something that the parent made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from conntrace import event_lines
from conntrace.event_fields import Event as Event
from conntrace.event_fields import about
from conntrace.events_lambda import LAMBDA_EVENTS

SCHEMA = 1
LIST_SEPARATOR = "\x1f"


@dataclass(slots=True, eq=False, repr=False)
class Hello(Event):
    """A process says who it is: first event of each process, and again after a fork."""

    kind: ClassVar[str] = "hello"

    schema: int = about("version of this table", "", 0)
    token: str = about("proof that the sender belongs to this run; empty in process", "", "")
    process: str = about("8 random bytes that name the process, as hexadecimal", "", "")
    pid: int = about("process id", "", 0)
    parent_pid: int = about("process id of the parent", "", 0)
    wall_ns: int = about("wall clock at time_ns (Unix epoch)", "ns", 0)
    started_ns: int = about("CLOCK_MONOTONIC at which the process began; 0 unknown", "ns", 0)
    way: str = about("how the agent came in: `run`, `instrument` or `layer`", "", "")
    late: bool = about("clients may have been made before the agent came", "", False)
    forked_from: str = about("`process` of the parent when this one was forked from it", "", "")
    first_id: int = about("ids below it were drawn by the parent", "", 0)
    python: str = about("version of the interpreter", "", "")
    command: str = about("base name of the program", "", "")
    service: str = about("OTEL_SERVICE_NAME as the process has it", "", "")
    version: str = about("version of conntrace", "", "")


@dataclass(slots=True, eq=False, repr=False)
class Clock(Event):
    """A new pair of clocks, monotonic (time_ns) and wall: something may have set them apart."""

    kind: ClassVar[str] = "clock"

    wall_ns: int = about("wall clock at time_ns (Unix epoch)", "ns", 0)


@dataclass(slots=True, eq=False, repr=False)
class Goodbye(Event):
    """The interpreter ends in order; nothing of this process follows."""

    kind: ClassVar[str] = "goodbye"

    agent_ns: int = about(
        "time the agent itself took in this process, as far as it is known", "ns", 0
    )


@dataclass(slots=True, eq=False, repr=False)
class Drops(Event):
    """What this process could not send or had to leave out, as totals since its hello."""

    kind: ClassVar[str] = "drops"

    requests: int = about("reused requests not sent because the channel was full", "", 0)
    events: int = about("other events lost", "", 0)
    failures: int = about("failures of the agent's own hooks", "", 0)
    switched_off: tuple[str, ...] = about("hooks switched off after repeated failures", "", ())


@dataclass(slots=True, eq=False, repr=False)
class ManagerNew(Event):
    """A pool manager was made: one per boto3 client, two per requests.Session."""

    kind: ClassVar[str] = "manager_new"

    manager: int = about("id", "", 0)
    owner: str = about("who uses it, e.g. `boto3 dynamodb`, `requests.Session`", "", "")
    purpose: str = about("`app`, `credentials` or `telemetry`", "", "")
    one_shot: str = about(
        "API that makes a client for one request, e.g. `requests.get`, `requests.get in library`",
        "",
        "",
    )
    num_pools: int = about("how many pools it keeps", "", 0)
    site_file: str = about("call site in the application: file", "", "")
    site_line: int = about("call site: line", "", 0)
    site_function: str = about("call site: function", "", "")


@dataclass(slots=True, eq=False, repr=False)
class ManagerClosed(Event):
    """The program closed or cleared a pool manager (client.close(), Session.close(), clear())."""

    kind: ClassVar[str] = "manager_closed"

    manager: int = about("id", "", 0)
    site_file: str = about("call site in the application: file", "", "")
    site_line: int = about("call site: line", "", 0)
    site_function: str = about("call site: function", "", "")


@dataclass(slots=True, eq=False, repr=False)
class ManagerGone(Event):
    """A pool manager was collected: nothing refers to it any more."""

    kind: ClassVar[str] = "manager_gone"

    manager: int = about("id", "", 0)


@dataclass(slots=True, eq=False, repr=False)
class PoolNew(Event):
    """A connection pool for one destination was made, or first seen in use."""

    kind: ClassVar[str] = "pool_new"

    pool: int = about("id", "", 0)
    manager: int = about("manager that holds it, 0 for a pool of its own", "", 0)
    scheme: str = about("`http` or `https`", "", "")
    host: str = about("destination", "", "")
    port: int = about("destination", "", 0)
    proxy: str = about("proxy as `host:port`", "", "")
    maxsize: int = about("connections it keeps", "", 0)
    block: bool = about("whether a request waits when all are in use", "", False)
    pools: int = about("pools of the manager, this one included", "", 0)
    num_pools: int = about("pools the manager keeps", "", 0)
    key: str = about("fingerprint of the pool key; equal keys have equal fingerprints", "", "")
    key_difference: tuple[str, ...] = about(
        "names of the key's fields that differ from the most similar pool of the same origin",
        "",
        (),
    )
    owner: str = about("who uses it, when no manager holds it", "", "")
    one_shot: str = about("as in manager_new, when no manager holds it", "", "")
    late: bool = about("made before the agent came", "", False)
    site_file: str = about("call site in the application: file", "", "")
    site_line: int = about("call site: line", "", 0)
    site_function: str = about("call site: function", "", "")


@dataclass(slots=True, eq=False, repr=False)
class PoolEvicted(Event):
    """A manager dropped its least recently used pool to make room for another."""

    kind: ClassVar[str] = "pool_evicted"

    pool: int = about("the victim", "", 0)
    manager: int = about("id", "", 0)
    evictor: int = about("the pool that took its place", "", 0)
    evictor_host: str = about("destination of the evictor", "", "")
    evictor_port: int = about("destination of the evictor", "", 0)
    num_pools: int = about("the limit that was reached", "", 0)
    connections_lost: int = about("idle connections in the victim", "", 0)
    call: int = about("SDK call of ours during which it happened", "", 0)
    trace_id: str = about("active OpenTelemetry span: trace id, 32 hexadecimal digits", "", "")
    span_id: str = about("its span id, 16 digits; `-00` follows when it is not sampled", "", "")


@dataclass(slots=True, eq=False, repr=False)
class PoolClosed(Event):
    """A pool was closed by a call (`close()`, `with`), not by eviction."""

    kind: ClassVar[str] = "pool_closed"

    pool: int = about("id", "", 0)
    site_file: str = about("call site in the application: file", "", "")
    site_line: int = about("call site: line", "", 0)
    site_function: str = about("call site: function", "", "")


@dataclass(slots=True, eq=False, repr=False)
class PoolGone(Event):
    """A pool was collected; what it held is closed."""

    kind: ClassVar[str] = "pool_gone"

    pool: int = about("id", "", 0)


@dataclass(slots=True, eq=False, repr=False)
class CallStart(Event):
    """An SDK call (botocore `_make_api_call`) begins, when no other instrumentation shows it."""

    kind: ClassVar[str] = "call_start"

    call: int = about("id", "", 0)
    service: str = about("e.g. `DynamoDB`", "", "")
    operation: str = about("e.g. `PutItem`", "", "")
    region: str = about("region of the client", "", "")
    trace_id: str = about("active OpenTelemetry span: trace id", "", "")
    span_id: str = about("its span id; followed by `-00` when it is not sampled", "", "")


@dataclass(slots=True, eq=False, repr=False)
class CallEnd(Event):
    """The SDK call is over."""

    kind: ClassVar[str] = "call_end"

    call: int = about("id", "", 0)
    error: str = about("error.type, empty when it succeeded", "", "")


@dataclass(slots=True, eq=False, repr=False)
class RequestStart(Event):
    """One urllib3 attempt begins (`urlopen`); a retry or redirect is a request of its own."""

    kind: ClassVar[str] = "request_start"

    request: int = about("id", "", 0)
    pool: int = about("id", "", 0)
    method: str = about("HTTP method", "", "")
    path: str = about("path without the query", "", "")
    sends_close: bool = about("the program asked for `Connection: close`", "", False)
    previous: int = about("the attempt before it in the same `urlopen`", "", 0)
    call: int = about("SDK call of ours around it", "", 0)
    trace_id: str = about("active OpenTelemetry span: trace id", "", "")
    span_id: str = about("its span id; followed by `-00` when it is not sampled", "", "")
    large_body: bool = about(
        "its body is large or of unknown size: a `request_sent` follows", "", False
    )


@dataclass(slots=True, eq=False, repr=False)
class RequestSent(Event):
    """A large body is sent, as far as this side can see; the answer is waited for from here."""

    kind: ClassVar[str] = "request_sent"

    request: int = about("id", "", 0)


@dataclass(slots=True, eq=False, repr=False)
class Checkout(Event):
    """The pool handed a connection to the request, and what it looked like then.

    `outcome`: `reused` (a live one), `dropped` (a pooled one found readable, so dead), `closed` (a
    pooled one without a socket: closed earlier), `placeholder` (an empty slot), `empty` (no slot
    left), `failed` (nothing was handed out).
    """

    kind: ClassVar[str] = "checkout"

    request: int = about("id, 0 outside `urlopen`", "", 0)
    pool: int = about("id", "", 0)
    outcome: str = about("see above", "", "")
    connection: int = about("the pooled connection, 0 for none", "", 0)
    foreign_span: bool = about(
        "another instrumentation makes the request span: `trace_id` and `span_id` are it", "", False
    )
    trace_id: str = about("with foreign_span: trace id", "", "")
    span_id: str = about("with foreign_span: span id", "", "")
    wait_ns: int = about("time the pool made the request wait", "ns", 0)
    idle_ns: int = about("since the connection was put back; -1 unknown", "ns", -1)
    in_use: int = about("connections of the pool in use, this one not counted", "", 0)
    idle_others: int = about("live idle connections left in the pool", "", 0)
    queue_size: int = about("entries of the pool's queue before", "", 0)
    maxsize: int = about("size of the pool's queue", "", 0)
    tcp_state: int = about("tcpi_state (linux/tcp_states.h), 0 unknown; reused: not read", "", 0)
    unacked: int = about("tcpi_unacked: segments sent and not acknowledged", "", 0)
    retransmits: int = about("tcpi_retransmits", "", 0)
    last_data_received_ms: int = about("tcpi_last_data_recv; -1 unknown", "ms", -1)
    last_ack_received_ms: int = about("tcpi_last_ack_recv; -1 unknown", "ms", -1)
    pending_bytes: int = about("bytes waiting to be read (FIONREAD); -1 unknown", "", -1)
    tls: bool = about("the connection is TLS", "", False)
    tls_record: int = about("content type of the waiting TLS record, 0 unknown", "", 0)


@dataclass(slots=True, eq=False, repr=False)
class SetupStart(Event):
    """A new connection is about to be made; its id becomes the connection's id."""

    kind: ClassVar[str] = "setup_start"

    setup: int = about("id of the set-up and of the connection", "", 0)
    request: int = about("request it is for, 0 for none", "", 0)
    pool: int = about("id, 0 without a pool", "", 0)
    previous: int = about("connection that the same object held before", "", 0)
    client: str = about("`urllib3`, `http.client` or `urllib.request`", "", "")
    one_shot: str = about("API that makes a client for one request, as in manager_new", "", "")
    scheme: str = about("`http` or `https`", "", "")
    host: str = about("destination", "", "")
    port: int = about("destination", "", 0)
    proxy: str = about("proxy as `host:port`", "", "")
    call: int = about("SDK call of ours around it", "", 0)
    trace_id: str = about("active OpenTelemetry span: trace id", "", "")
    span_id: str = about("its span id; followed by `-00` when it is not sampled", "", "")
    site_file: str = about("call site in the application: file", "", "")
    site_line: int = about("call site: line", "", 0)
    site_function: str = about("call site: function", "", "")
    redirect_from: str = about(
        "`host:port` that answered with a redirect, which this follows", "", ""
    )
    redirect_status: int = about("with redirect_from: its status", "", 0)


@dataclass(slots=True, eq=False, repr=False)
class SetupEnd(Event):
    """The connection stands, or could not be made."""

    kind: ClassVar[str] = "setup_end"

    setup: int = about("id", "", 0)
    error: str = about("error.type, empty when it stands", "", "")
    keepalive: bool = about("SO_KEEPALIVE", "", False)
    keepalive_idle_s: int = about("TCP_KEEPIDLE; -1 unknown", "s", -1)
    keepalive_interval_s: int = about("TCP_KEEPINTVL; -1 unknown", "s", -1)
    keepalive_count: int = about("TCP_KEEPCNT; -1 unknown", "", -1)


@dataclass(slots=True, eq=False, repr=False)
class LookupStart(Event):
    """A name (or, reversed, an address) is looked up."""

    kind: ClassVar[str] = "lookup_start"

    operation: int = about("id", "", 0)
    setup: int = about("set-up it belongs to, 0 for none", "", 0)
    function: str = about(
        "`getaddrinfo`, `gethostbyname`, `gethostbyaddr` ...; audit: the event", "", ""
    )
    host: str = about("the name, or the address of a reverse lookup", "", "")
    port: int = about("port asked for", "", 0)
    reverse: bool = about("address to name", "", False)
    literal: bool = about("an IP literal: no lookup happens", "", False)
    audit: bool = about("only an audit event showed it: no lookup_end follows", "", False)
    request: int = about("request of ours around it", "", 0)
    call: int = about("SDK call of ours around it", "", 0)
    trace_id: str = about("active OpenTelemetry span: trace id", "", "")
    span_id: str = about("its span id; followed by `-00` when it is not sampled", "", "")
    site_file: str = about("call site in the application: file", "", "")
    site_line: int = about("call site: line", "", 0)
    site_function: str = about("call site: function", "", "")
    own_name: bool = about("the machine's own name or loopback address", "", False)


@dataclass(slots=True, eq=False, repr=False)
class LookupEnd(Event):
    """The lookup answered or failed."""

    kind: ClassVar[str] = "lookup_end"

    operation: int = about("id", "", 0)
    answers: tuple[str, ...] = about("distinct addresses, in order; reverse: names", "", ())
    error: str = about("error.type, empty when it answered", "", "")


@dataclass(slots=True, eq=False, repr=False)
class ConnectStart(Event):
    """`connect` is called on an INET or INET6 socket."""

    kind: ClassVar[str] = "connect_start"

    operation: int = about("id", "", 0)
    setup: int = about("set-up it belongs to, 0 for none", "", 0)
    address: str = about("IP address, or the name when `connect` was given one", "", "")
    port: int = about("port", "", 0)
    datagram: bool = about("a datagram socket: nothing is sent", "", False)
    audit: bool = about("only an audit event showed it: no connect_end follows", "", False)
    request: int = about("request of ours around it", "", 0)
    call: int = about("SDK call of ours around it", "", 0)
    trace_id: str = about("active OpenTelemetry span: trace id", "", "")
    span_id: str = about("its span id; followed by `-00` when it is not sampled", "", "")
    site_file: str = about("call site in the application: file", "", "")
    site_line: int = about("call site: line", "", 0)
    site_function: str = about("call site: function", "", "")


@dataclass(slots=True, eq=False, repr=False)
class ConnectEnd(Event):
    """`connect` returned."""

    kind: ClassVar[str] = "connect_end"

    operation: int = about("id", "", 0)
    error: str = about("error.type, empty when it stands", "", "")
    in_progress: bool = about(
        "it did not wait and goes on; said twice: nobody asked how it ended", "", False
    )
    address: str = about("what it is connected to, when it was given a name", "", "")


@dataclass(slots=True, eq=False, repr=False)
class TunnelStart(Event):
    """A proxy is asked to CONNECT to the destination."""

    kind: ClassVar[str] = "tunnel_start"

    operation: int = about("id", "", 0)
    setup: int = about("set-up it belongs to", "", 0)
    host: str = about("destination", "", "")
    port: int = about("destination", "", 0)


@dataclass(slots=True, eq=False, repr=False)
class TunnelEnd(Event):
    """The proxy answered."""

    kind: ClassVar[str] = "tunnel_end"

    operation: int = about("id", "", 0)
    error: str = about("error.type, empty when the tunnel stands", "", "")


@dataclass(slots=True, eq=False, repr=False)
class TlsStart(Event):
    """A client handshake begins."""

    kind: ClassVar[str] = "tls_start"

    operation: int = about("id", "", 0)
    setup: int = about("set-up it belongs to, 0 for none", "", 0)
    host: str = about("server name asked for", "", "")
    request: int = about("request of ours around it", "", 0)
    call: int = about("SDK call of ours around it", "", 0)
    trace_id: str = about("active OpenTelemetry span: trace id", "", "")
    span_id: str = about("its span id; followed by `-00` when it is not sampled", "", "")
    site_file: str = about("call site in the application: file; outside a set-up", "", "")
    site_line: int = about("call site: line", "", 0)
    site_function: str = about("call site: function", "", "")


@dataclass(slots=True, eq=False, repr=False)
class TlsEnd(Event):
    """The handshake is done or failed."""

    kind: ClassVar[str] = "tls_end"

    operation: int = about("id", "", 0)
    error: str = about("error.type, empty when it is done", "", "")
    in_progress: bool = about("not done when the program let go of it", "", False)
    protocol: str = about("e.g. `TLSv1.3`", "", "")
    cipher: str = about("name of the cipher suite", "", "")
    resumed: bool = about("a session was resumed", "", False)
    next_protocol: str = about("ALPN", "", "")
    not_after: str = about(
        "end of the server certificate's validity, ISO 8601, when verified", "", ""
    )
    cpu_ns: int = about("CPU time of the thread during the handshake; -1 unknown", "ns", -1)
    delay_ns: int = about(
        "how long the thread, ready to run, waited for a processor; -1 unknown or not worth asking",
        "ns",
        -1,
    )


@dataclass(slots=True, eq=False, repr=False)
class CaLoad(Event):
    """A bundle of CA certificates was parsed (`load_verify_locations`); time_ns is its end."""

    kind: ClassVar[str] = "ca_load"

    operation: int = about("id", "", 0)
    setup: int = about("set-up it belongs to, 0 for none", "", 0)
    duration_ns: int = about("how long it took", "ns", 0)
    source: str = about("`file`, `path` or `data`", "", "")
    error: str = about("error.type", "", "")
    request: int = about("request of ours around it", "", 0)
    call: int = about("SDK call of ours around it", "", 0)
    trace_id: str = about("active OpenTelemetry span: trace id", "", "")
    span_id: str = about("its span id; followed by `-00` when it is not sampled", "", "")
    site_file: str = about("call site in the application: file; outside a set-up", "", "")
    site_line: int = about("call site: line", "", 0)
    site_function: str = about("call site: function", "", "")


@dataclass(slots=True, eq=False, repr=False)
class RequestEnd(Event):
    """The attempt is over: the response's headers are there, or it failed."""

    kind: ClassVar[str] = "request_end"

    request: int = about("id", "", 0)
    status: int = about("HTTP status, 0 for none", "", 0)
    error: str = about("error.type of a failed attempt", "", "")
    connection: int = about("connection that carried it", "", 0)


@dataclass(slots=True, eq=False, repr=False)
class LeaseEnd(Event):
    """A connection came back from a request, or was lost.

    `how`: `stored` (in the pool again), `full` (closed: the pool had no room), `pool_closed`,
    `error` (an empty slot was put back after a failure), `collected` (the connection's object was
    collected without being put back), `closed` (closed by the program and never put back).
    """

    kind: ClassVar[str] = "lease_end"

    connection: int = about("id", "", 0)
    pool: int = about("id", "", 0)
    request: int = about("the request that held it", "", 0)
    how: str = about("see above", "", "")
    unread: bool = about("bytes of the body were left when it ended", "", False)
    missing_bytes: int = about(
        "of the announced length never came, and the client took the response for whole", "", 0
    )


@dataclass(slots=True, eq=False, repr=False)
class Close(Event):
    """A connection's socket was closed on this side.

    `by` says who called: `response` (http.client after a response that ends its connection),
    `dropped_check` (urllib3 found it dead), `error` (urllib3's clean-up of a failed attempt, or a
    program that closes its own http.client object before the response), `full` (no room in the
    pool), `pool` (pool or manager closed, evicted or collected), `response_close` (the program
    closed a response, or its own http.client object with the response unread), `collected`
    (garbage collection), `program` (anything else). The call site is that of the close; with
    `collected`, of the request whose response was lost.
    """

    kind: ClassVar[str] = "close"

    connection: int = about("id", "", 0)
    by: str = about("see above", "", "")
    error: str = about("with `error`: error.type of the failure", "", "")
    request: int = about("request during which it happened", "", 0)
    response_version: int = about("with `response`: 10 or 11", "", 0)
    response_close: bool = about("with `response`: it had `Connection: close`", "", False)
    response_keepalive: bool = about("with `response`: it announced keep-alive", "", False)
    response_length: bool = about(
        "with `response`: it had a Content-Length or was chunked", "", False
    )
    request_close: bool = about("the request had `Connection: close`", "", False)
    tcp_state: int = about("tcpi_state just before; 0 unknown", "", 0)
    unacked: int = about("tcpi_unacked", "", 0)
    retransmits: int = about("tcpi_retransmits", "", 0)
    last_data_received_ms: int = about("tcpi_last_data_recv; -1 unknown", "ms", -1)
    last_ack_received_ms: int = about("tcpi_last_ack_recv; -1 unknown", "ms", -1)
    site_file: str = about("call site in the application: file", "", "")
    site_line: int = about("call site: line", "", 0)
    site_function: str = about("call site: function", "", "")
    call: int = about("SDK call of ours around it", "", 0)
    trace_id: str = about("active OpenTelemetry span: trace id", "", "")
    span_id: str = about("its span id; followed by `-00` when it is not sampled", "", "")
    response_begun: bool = about(
        "with `error`: the head of a response to the last request had come", "", False
    )
    rest_bytes: int = about(
        "with `response_close`: announced bytes of the body that nobody has read; -1 unknown",
        "",
        -1,
    )


EVENTS: tuple[type[Event], ...] = (
    Hello,
    Clock,
    Goodbye,
    Drops,
    ManagerNew,
    ManagerClosed,
    ManagerGone,
    PoolNew,
    PoolEvicted,
    PoolClosed,
    PoolGone,
    CallStart,
    CallEnd,
    RequestStart,
    RequestSent,
    Checkout,
    SetupStart,
    SetupEnd,
    LookupStart,
    LookupEnd,
    ConnectStart,
    ConnectEnd,
    TunnelStart,
    TunnelEnd,
    TlsStart,
    TlsEnd,
    CaLoad,
    RequestEnd,
    LeaseEnd,
    Close,
    *LAMBDA_EVENTS,
)

_UNESCAPES = {"\\\\": "\\", "\\t": "\t", "\\n": "\n", "\\r": "\r"}


class MalformedEvent(ValueError):
    """A line that is not an event of this schema; the message says what is wrong with it."""


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    parts: list[str] = []
    index = 0
    while index < len(text):
        pair = text[index : index + 2]
        known = _UNESCAPES.get(pair)
        parts.append(known if known is not None else text[index])
        index += 2 if known is not None else 1
    return "".join(parts)


def _read_flag(text: str) -> bool:
    return text == "1"


def _read_list(text: str) -> tuple[str, ...]:
    return tuple(_unescape(item) for item in text.split(LIST_SEPARATOR))


# By the annotation as it is written: asking `typing` for it would take milliseconds.
_READERS: dict[object, Callable[[str], object]] = {
    "int": int,
    "bool": _read_flag,
    "str": _unescape,
    "tuple[str, ...]": _read_list,
}


class _Row:
    """How the lines of one kind are read: a reader and a default for each field, in order.

    Texts are taken as they are when a line has no escapes, which nearly all lines have not:
    `plain` leaves them out.
    """

    __slots__ = ("all", "event", "plain", "size")

    def __init__(self, event: type[Event]) -> None:
        found = fields(event)
        self.event = event
        self.size = len(found)
        self.all = tuple(
            (index, _READERS[each.type], each.default) for index, each in enumerate(found)
        )
        self.plain = tuple(row for row in self.all if row[1] is not _unescape)


_TABLE: dict[str, _Row] = {event.kind: _Row(event) for event in EVENTS}


def decode(line: bytes) -> Event:
    """Read one line (without its line end) back into an event.

    Raises `MalformedEvent` for an unknown kind, a number that is none, or text that is not UTF-8.
    """
    try:
        values: list[Any] = line.decode("utf-8").split("\t")
        row = _TABLE.get(values[0])
        if row is None:
            raise MalformedEvent(f"unknown kind of event: {values[0][:40]!r}")
        del values[0]
        missing = row.size - len(values)
        if missing > 0:
            values += [""] * missing
        elif missing < 0:
            del values[row.size :]
        for index, read, default in row.all if b"\\" in line else row.plain:
            value = values[index]
            values[index] = read(value) if value else default
        return row.event(*values)
    except MalformedEvent:
        raise
    except ValueError as error:
        raise MalformedEvent(str(error)[:200]) from error


def encode(event: Event) -> bytes:
    """The line of an event, as `decode` reads it: for saved recordings and for tests."""
    values = [getattr(event, each.name) for each in fields(event)]
    return event_lines.line(event.kind.encode(), *values)
