"""An ordinary urllib3 client with one connection, watched by conntrace itself.

What a sample says of its connection (reused, cause, idle limit) is what conntrace's spans say:
the probe has no reasoning of its own.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING

from conntrace import in_process
from conntrace import semantic_names as names
from conntrace.analyzer.exporters.memory import MemoryExporter
from conntrace.errors import ConntraceError, UsageError
from conntrace.probe.address import parsed, shown
from conntrace.probe.samples import Sample
from conntrace.traced.error_types import error_type

if TYPE_CHECKING:
    from urllib3.connectionpool import HTTPConnectionPool
    from urllib3.response import BaseHTTPResponse

    from conntrace.analyzer.span import Span

MAX_REDIRECTS = 5
_PIECE = 4096
"""How much of an answer is read at once: small, as each piece is waited for."""
_LOOKUP_FAILURES = ("host_not_found", "no_address", "try_again", "no_recovery", "lookup_failed")
_USER_AGENT = {"User-Agent": "conntrace-probe", "Accept": "*/*"}


class Client:
    """Sends requests to one URL over one connection. Use it in a `with` block.

    Raises `ConntraceError` when the endpoint cannot be probed at all: see `connect`.
    """

    def __init__(self, url: str, *, method: str, timeout_s: float) -> None:
        self.url = url
        self.status = 0
        self.redirects = 0
        """How many led to `url`."""
        self._method = method
        self._timeout_s = timeout_s
        self._memory = MemoryExporter()
        self._seen = 0
        self._pool: HTTPConnectionPool | None = None

    def __enter__(self) -> Client:
        parsed(self.url)
        if not in_process.instrument(exporters=[self._memory]):
            raise ConntraceError(
                "probe-cannot-watch",
                "probe watches itself with conntrace, which is switched off here or traces this"
                " process already",
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.close()
        in_process.uninstrument()

    def connect(self) -> None:
        """The first request: follows redirects, so that later ones go where the answers are.

        Raises `UsageError` for what is no URL, `ConntraceError` with a slug of its own for a name
        that is not found, a refused connection, a TLS error, an endless redirect and no answer.
        """
        import urllib3

        for _ in range(MAX_REDIRECTS + 1):
            pool, target = _pool_and_target(self.url, self._timeout_s)
            try:
                response = self._request(pool, target)
            except urllib3.exceptions.HTTPError as error:
                pool.close()
                raise _as_message(shown(self.url), error) from error
            location = response.get_redirect_location()
            if not location:
                self._pool, self._target = pool, target
                self.status = response.status
                self._take_spans()
                return
            pool.close()
            self.url = _joined(self.url, location)
            self.redirects += 1
        raise ConntraceError(
            "probe-redirects",
            f"{shown(self.url)} redirects for the {MAX_REDIRECTS + 1}th time: give the URL it leads"
            " to",
        )

    def sample(self, gap_s: float) -> Sample:
        """One request now, after a gap that the caller has waited for."""
        import urllib3

        assert self._pool is not None
        error = ""
        began = time.perf_counter()
        try:
            self._request(self._pool, self._target)
        except urllib3.exceptions.HTTPError as failure:
            error = error_type(failure)
        duration_s = time.perf_counter() - began
        return _told_by(self._take_spans(), gap_s, duration_s, error)

    def _request(self, pool: HTTPConnectionPool, target: str) -> BaseHTTPResponse:
        """One request, its answer read to the end, which some never come to: a stream of events."""
        from urllib3.exceptions import ReadTimeoutError

        ends = time.monotonic() + self._timeout_s
        response = pool.request(
            self._method,
            target,
            retries=False,
            redirect=False,
            headers=_USER_AGENT,
            preload_content=False,
        )
        for _ in response.stream(_PIECE, decode_content=False):
            if time.monotonic() > ends:
                response.close()
                response.release_conn()
                raise ReadTimeoutError(pool, target, "the answer does not end")
        response.release_conn()
        return response

    def _take_spans(self) -> list[Span]:
        in_process.flush()
        fresh = self._memory.spans[self._seen :]
        self._seen = len(self._memory.spans)
        return fresh


def _pool_and_target(url: str, timeout_s: float) -> tuple[HTTPConnectionPool, str]:
    """A pool of one connection for the URL's origin, and the request target."""
    import urllib3

    address = parsed(url)
    origin = f"{address.scheme}://{address.netloc}"
    pool = urllib3.connection_from_url(origin, maxsize=1, block=True, timeout=timeout_s)
    return pool, address.request_uri


def _joined(url: str, location: str) -> str:
    """Where a redirect leads to; it comes from the server and may be anything."""
    from urllib.parse import urljoin

    try:
        return str(parsed(urljoin(url, location)))
    except (ValueError, UsageError) as error:
        raise ConntraceError(
            "probe-failed",
            f"{shown(url)} redirects to {shown(location)[:200]!r}, which is no URL that begins with"
            " http:// or https://",
        ) from error


def _as_message(url: str, error: Exception) -> ConntraceError:
    """The one line for a first request that failed."""
    word = error_type(error)
    if word in _LOOKUP_FAILURES:
        return ConntraceError("probe-name-not-found", f"{url}: the name cannot be looked up")
    if word == "connection_refused":
        return ConntraceError("probe-refused", f"{url}: connection refused, nothing listens there")
    if word == "timed_out":
        return ConntraceError(
            "probe-no-answer", f"{url}: no answer in time; --timeout sets how long to wait"
        )
    if word.startswith("tls_"):
        reason = word.removeprefix("tls_").replace("_", " ")
        return ConntraceError("probe-tls", f"{url}: the TLS handshake failed: {reason}")
    return ConntraceError("probe-failed", f"{url}: {_innermost(error)}")


def _innermost(error: BaseException) -> str:
    """What failed at the bottom, on one line."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:200]


def _told_by(spans: list[Span], gap_s: float, duration_s: float, error: str) -> Sample:
    reused = [span.attributes.get(names.CONNECTION_REUSED) for span in spans]
    setups = [span for span in spans if span.name.startswith(names.CONNECTION_SETUP)]
    limits = [span.attributes.get(names.CLOSE_SERVER_IDLE_LIMIT_S) for span in setups]
    seen = [limit for limit in limits if isinstance(limit, float)]
    return Sample(
        gap_s=gap_s,
        duration_s=duration_s,
        reused=True in reused and not setups,
        causes=tuple(str(span.attributes.get(names.CAUSE_NAME, "unexplained")) for span in setups),
        error=error,
        idle_limit_s=seen[0] if seen else None,
        unreachable=bool(error) and any(span.error for span in setups),
    )
