"""POST to one URL over a kept connection: proxies, certificates, time-outs, one quiet reconnect."""

from __future__ import annotations

import http.client
import os
import socket
import sys
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import SplitResult, urlsplit

import conntrace
from conntrace.analyzer.exporters.endpoints import endpoint_of, is_url
from conntrace.config import Settings
from conntrace.errors import ConntraceError
from conntrace.urls import credentials_of

if TYPE_CHECKING:
    import ssl

MAX_ANSWER_BYTES = 64 * 1024
MAX_WORDS = 200
# A connection that rested longer may be dead without a sign: the sandbox was frozen meanwhile, or a
# load balancer forgot it.
MAX_IDLE_S = 5.0
_DEFAULT_PORTS = {"http": 80, "https": 443}

# Set by what is sent, also when OTEL_EXPORTER_OTLP_HEADERS says what another exporter would send.
_OURS = frozenset({"content-type", "content-encoding", "content-length", "transfer-encoding"})
# ValueError: a host name, path or header that HTTP cannot carry.
_FAILURES = (OSError, http.client.HTTPException, ValueError)
# How a kept connection shows that its peer had closed it.
_SIGNS_OF_DEATH = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError)


def one_line(text: str) -> str:
    """What another machine said, fit for a terminal and a log: one line, no control characters."""
    shown = "".join(each if each.isprintable() else " " for each in text[:MAX_WORDS])
    return " ".join(shown.split())


def in_words(error: Exception) -> str:
    """An error for the user.

    What the network said is shown. The text of any other error may quote a setting, and so a
    secret: of those only the kind is.
    """
    kind = type(error).__name__
    if isinstance(error, http.client.InvalidURL) or not isinstance(
        error, (OSError, http.client.HTTPException)
    ):
        return kind
    return one_line(f"{kind}: {error}")


class PostFailed(Exception):
    """No answer came; the message says why, in words for the user.

    `written`: the request left, or a part of it, so it may have arrived.
    """

    def __init__(self, error: Exception, *, written: bool) -> None:
        super().__init__(in_words(error))
        self.written = written


class Answer(NamedTuple):
    """What the endpoint said. `retry_after_s` is 0 when it did not say."""

    status: int
    retry_after_s: float
    body: bytes = b""


class HttpPost:
    """Sends bodies to the endpoint of the settings."""

    def __init__(self, settings: Settings) -> None:
        """Raises `ConntraceError` when a certificate cannot be read or the proxy is no URL."""
        self._url = urlsplit(endpoint_of(settings))
        self._headers = {
            "User-Agent": f"conntrace/{conntrace.__version__}",
            **{key: value for key, value in settings.otlp_headers if key.lower() not in _OURS},
        }
        if not any(name.lower() == "authorization" for name in self._headers):
            self._headers |= credentials_of("Authorization", self._url)
        self._port = self._url.port or _DEFAULT_PORTS[self._url.scheme]
        self._context = _tls_context(settings) if self._url.scheme == "https" else None
        self._proxy = _proxy_for(self._url, self._port)
        if self._proxy is not None and self._context is None:
            self._headers |= credentials_of("Proxy-Authorization", self._proxy)
        self._connection: http.client.HTTPConnection | None = None
        self._last_use_s = 0.0
        self._written = False

    def send(self, body: bytes, headers: dict[str, str], timeout_s: float) -> Answer:
        """POST; a kept connection that turns out dead is replaced once. Raises `PostFailed`."""
        if time.monotonic() - self._last_use_s > MAX_IDLE_S:
            self.close()
        kept = self._connection is not None
        try:
            return self._send(body, headers, timeout_s)
        except _FAILURES as error:
            self.close()
            if not (kept and isinstance(error, _SIGNS_OF_DEATH)):
                raise PostFailed(error, written=self._written) from error
        try:
            return self._send(body, headers, timeout_s)
        except _FAILURES as error:
            self.close()
            # The first try has written, too.
            raise PostFailed(error, written=True) from error

    def abort(self) -> None:
        """From another thread: cut the connection, so that a wait on it ends.

        What has arrived can still be read: an answer that is there is not lost.
        """
        connection = self._connection
        kept = connection.sock if connection is not None else None
        if kept is not None:
            try:
                kept.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it is closed already

    def close(self) -> None:
        """Let go of the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _send(self, body: bytes, headers: dict[str, str], timeout_s: float) -> Answer:
        self._written = False
        connection = self._connected(timeout_s)
        self._written = True
        connection.request("POST", self._target(), body, {**self._headers, **headers})
        response = connection.getresponse()
        content = response.read(MAX_ANSWER_BYTES)
        answer = Answer(response.status, _retry_after(response.getheader("Retry-After")), content)
        if response.will_close or not response.isclosed():
            self.close()
        self._last_use_s = time.monotonic()
        return answer

    def _connected(self, timeout_s: float) -> http.client.HTTPConnection:
        if self._connection is None:
            self._connection = self._new_connection(timeout_s)
        self._connection.timeout = timeout_s
        if self._connection.sock is None:
            self._connection.connect()
        else:
            self._connection.sock.settimeout(timeout_s)
        return self._connection

    def _new_connection(self, timeout_s: float) -> http.client.HTTPConnection:
        host = self._url.hostname or ""
        near = (host, self._port)
        if self._proxy is not None:
            near = (self._proxy.hostname or "", self._proxy.port or 80)
        if self._context is None:
            return http.client.HTTPConnection(*near, timeout=timeout_s)
        connection = http.client.HTTPSConnection(*near, timeout=timeout_s, context=self._context)
        if self._proxy is not None:
            credentials = credentials_of("Proxy-Authorization", self._proxy)
            connection.set_tunnel(host, self._port, credentials)
        return connection

    def _target(self) -> str:
        target = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
        if self._proxy is not None and self._context is None:
            return f"http://{self._url.netloc.rpartition('@')[2]}{target}"
        return target


def _tls_context(settings: Settings) -> ssl.SSLContext:
    import ssl

    setting, file = "OTEL_EXPORTER_OTLP_CERTIFICATE", settings.otlp_certificate
    try:
        context = ssl.create_default_context(cafile=file or None)
        if settings.otlp_client_certificate:
            setting, file = (
                "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
                settings.otlp_client_certificate,
            )
            context.load_cert_chain(file, settings.otlp_client_key or None)
    except (OSError, ssl.SSLError) as error:
        raise ConntraceError(
            "otlp-certificate",
            f"{file}, which {setting} names, cannot be used: {error.strerror or error}",
        ) from error
    return context


def _proxy_for(url: SplitResult, port: int) -> SplitResult | None:
    """The proxy from HTTP_PROXY, HTTPS_PROXY and NO_PROXY, as everyone reads them."""
    if sys.platform == "linux" and not any(key.lower().endswith("_proxy") for key in os.environ):
        return None  # saves the import, which is a large one
    from urllib.request import getproxies, proxy_bypass

    proxy = getproxies().get(url.scheme, "")
    if not proxy or proxy_bypass(f"{url.hostname}:{port}"):
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    if not is_url(proxy):
        raise ConntraceError(
            "otlp-proxy",
            f"the proxy that {url.scheme.upper()}_PROXY names for the OTLP endpoint is no URL such "
            "as http://proxy.example:3128",
        )
    return urlsplit(proxy)


def _retry_after(value: str | None) -> float:
    """Seconds from `Retry-After` (RFC 9110 section 10.2.3): a number or a date."""
    if not value:
        return 0.0
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0
