"""nginx as a fixture: a server whose keep-alive limits are known, and that counts its accepts."""

from __future__ import annotations

import _socket
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.components.certificates import Certificates
from tests.components.processes import Server, free_port, start_server, wait_until
from tests.components.require import require_component

# The second server answers on a unix socket, so that asking for the count is no TCP connection.
CONFIG = """\
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 256; }}
http {{
    log_format connections '$connection $connection_requests $status $request_method $uri';
    access_log {folder}/access.log connections;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type text/plain;
    server {{
        listen 127.0.0.1:{port}{tls_flag};
        keepalive_timeout {options.keepalive_timeout};
        keepalive_requests {options.keepalive_requests};
        {tls}
        {options.extra}
        location / {{ return 200 "ok\\n"; }}
    }}
    server {{
        listen unix:{folder}/status;
        access_log off;
        location / {{ stub_status; }}
    }}
}}
"""


@dataclass(frozen=True)
class NginxOptions:
    """``extra`` is put into the server block as it is, for further locations."""

    keepalive_timeout: str = "75s"
    keepalive_requests: int = 1000
    tls: bool = False
    tls_protocols: tuple[str, ...] = ("TLSv1.2", "TLSv1.3")
    extra: str = ""


@dataclass(frozen=True)
class LoggedRequest:
    connection: int
    nth_on_connection: int
    status: int
    method: str
    path: str


class Nginx:
    """A running nginx. ``url`` has no trailing slash."""

    host = "127.0.0.1"

    def __init__(self, program: Path, options: NginxOptions, certificates: Certificates) -> None:
        self.options = options
        self.authority = certificates.authority
        # A short name: a unix socket's path may have about 100 characters only.
        self.folder = Path(tempfile.mkdtemp(prefix="ct-nginx-"))
        self._program = program
        self._certificates = certificates
        self._asked = 0
        self.port = 0
        self._server = start_server(self._start)

    @property
    def url(self) -> str:
        return f"{'https' if self.options.tls else 'http'}://{self.host}:{self.port}"

    def accepted_connections(self) -> int:
        """TCP connections that nginx accepted, used or not."""
        accepts = accepts_of(ask_over_unix_socket(self.folder / "status"))
        self._asked += 1
        return accepts - self._asked

    def requests(self, at_least: int = 0) -> list[LoggedRequest]:
        """The access log. nginx writes after it has answered, so say how many must be there."""
        wait_until(lambda: len(self._log_lines()) >= at_least, f"{at_least} lines in nginx's log")
        return [parse_log_line(line) for line in self._log_lines()]

    def requests_per_connection(self, at_least: int = 0) -> list[int]:
        """How many requests each connection carried, in the order of first use."""
        counts = Counter(request.connection for request in self.requests(at_least))
        return list(counts.values())

    def stop(self) -> None:
        """May be called by a test too, to take the server away; the access log stays readable."""
        self._server.stop()

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> tuple[Server, Callable[[], bool]]:
        self.port = free_port()
        self._asked = 0
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o755)
        config = self.folder / "nginx.conf"
        config.write_text(self._config())
        command: list[str | Path] = [self._program, "-p", self.folder, "-c", config, "-e", "stderr"]
        return Server(command, self.folder / "stderr.log"), self._ready

    def _config(self) -> str:
        tls = (
            f"ssl_certificate {self._certificates.chain};"
            f"ssl_certificate_key {self._certificates.key};"
            f"ssl_protocols {' '.join(self.options.tls_protocols)};"
        )
        return CONFIG.format(
            folder=self.folder,
            # As root the worker would become a user who cannot enter our folders.
            user="user root root;" if os.geteuid() == 0 else "",
            port=self.port,
            options=self.options,
            tls_flag=" ssl" if self.options.tls else "",
            tls=tls if self.options.tls else "",
        )

    def _ready(self) -> bool:
        # nginx opens all its listening sockets before it serves any: no look at the TCP port, which
        # would count as a connection.
        try:
            self._asked = accepts_of(ask_over_unix_socket(self.folder / "status"))
        except OSError:
            return False
        return True

    def _log_lines(self) -> list[str]:
        log = self.folder / "access.log"
        return log.read_text().splitlines() if log.exists() else []


def parse_log_line(line: str) -> LoggedRequest:
    connection, nth, status, method, path = line.split(" ", 4)
    return LoggedRequest(int(connection), int(nth), int(status), method, path)


def accepts_of(status_page: str) -> int:
    found = re.search(r"handled requests\s+(\d+)", status_page)
    if found is None:
        raise OSError(f"no nginx status page: {status_page!r}")
    return int(found.group(1))


def ask_over_unix_socket(path: Path) -> str:
    """GET / from a server on a unix socket, with the C class that no hook sees."""
    asking = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        asking.settimeout(5.0)
        asking.connect(str(path))
        asking.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b""
        while chunk := asking.recv(4096):
            answer += chunk
    finally:
        asking.close()
    return answer.decode()


StartNginx = Callable[..., Nginx]


@pytest.fixture
def nginx(certificates: Certificates) -> Iterator[StartNginx]:
    """Start servers: ``nginx(keepalive_timeout="2s", tls=True)``; the words are NginxOptions'."""
    program = require_component("nginx")
    running: list[Nginx] = []

    def start(**options: object) -> Nginx:
        running.append(Nginx(program, NginxOptions(**options), certificates))  # type: ignore[arg-type]
        return running[-1]

    yield start
    for server in running:
        server.remove()
