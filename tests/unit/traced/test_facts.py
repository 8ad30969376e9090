"""Facts the traced side reads: errors in words, sockets, literals, call sites, close reasons."""

from __future__ import annotations

import errno
import http.client
import importlib
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
import urllib3

from conntrace.traced import call_sites, context, kernel
from conntrace.traced.error_types import error_type
from conntrace.traced.hooks.dns import is_literal
from conntrace.traced.hooks.urllib3_pools import fingerprint
from conntrace.traced.hooks.urllib3_requests import asks_to_close, path_of

POOL = urllib3.HTTPConnectionPool("a.test")


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (None, ""),
        (socket.gaierror(socket.EAI_NONAME, "x"), "host_not_found"),
        (socket.gaierror(socket.EAI_AGAIN, "x"), "try_again"),
        (socket.gaierror(-99, "x"), "lookup_failed"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "connection_refused"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "connection_reset"),
        (OSError(errno.EMFILE, "x"), "too_many_open_files"),
        (TimeoutError("x"), "timed_out"),
        (http.client.RemoteDisconnected("x"), "remote_disconnected"),
        (urllib3.exceptions.ReadTimeoutError(POOL, "/", "x"), "timed_out"),
        (urllib3.exceptions.EmptyPoolError(POOL, "x"), "pool_timeout"),
        (ssl.SSLCertVerificationError(1, "secret text"), "tls_certificate_invalid"),
        (KeyError("secret"), "KeyError"),
        (OSError("Tunnel connection failed: 407 secret words"), "407"),
        (OSError("Tunnel connection failed: secret words"), "OSError"),
        (OSError("407 secret words"), "OSError"),
    ],
)
def test_error_type(error: BaseException | None, word: str) -> None:
    """A short word, never the message."""
    assert error_type(error) == word


def test_error_type_looks_through_urllib3() -> None:
    """Wrappers say little: the first cause is what counts."""
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "x")
    aborted = urllib3.exceptions.ProtocolError("Connection aborted.", refused)

    assert error_type(urllib3.exceptions.MaxRetryError(POOL, "/", aborted)) == "connection_refused"


def test_error_type_of_a_loop_ends() -> None:
    """Exceptions that refer to each other do not hold us."""
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first

    assert error_type(first) == "ValueError"


@pytest.mark.parametrize(
    ("host", "literal"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("fe80::1%lo", True),
        (b"127.0.0.1", True),
        ("127.1", True),
        ("", True),
        (None, True),
        ("<broadcast>", True),
        ("localhost", False),
        ("1.example", False),
        ("4.3.2.1.in-addr.arpa", False),
        ("a.test.", False),
        (b"a.test", False),
    ],
)
def test_literals(host: object, literal: bool) -> None:
    """Only what needs no resolver is a literal."""
    assert is_literal(host) is literal


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/a/b?token=secret", "/a/b"),
        ("/a#secret", "/a"),
        ("http://user:secret@a.test/x?y", "/x"),
        ("http://user:secret@a.test", "/"),
        ("*", "*"),
        (None, ""),
    ],
)
def test_path_leaves_secrets_out(url: object, path: str) -> None:
    """No query, no fragment, no userinfo."""
    assert path_of(url) == path


def test_asks_to_close() -> None:
    """The header by either spelling, in any mapping."""
    assert asks_to_close({"Connection": "close"})
    assert asks_to_close(urllib3._collections.HTTPHeaderDict({"connection": "Close"}))
    assert not asks_to_close({"Connection": "keep-alive"})
    assert not asks_to_close({"X": "close"})


@pytest.mark.skipif(not kernel.LINUX, reason="TCP_INFO of Linux")
def test_tcp_facts_tell_fin_from_silence() -> None:
    """ESTABLISHED without bytes, then CLOSE_WAIT after the peer's FIN."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        peer, _ = server.accept()
        assert kernel.tcp_facts(client, pending=True)[:1] == (kernel.ESTABLISHED,)
        peer.sendall(b"abc")
        peer.close()
        client.settimeout(5)
        assert client.recv(1, socket.MSG_PEEK) == b"a"
        facts = kernel.tcp_facts(client, pending=True)
        assert facts.state == 8
        assert facts.pending_bytes == 3
        assert client.recv(10) == b"abc"
        client.close()


def test_facts_of_what_is_no_socket() -> None:
    """Nothing is known, and nothing breaks."""
    closed = socket.socket()
    closed.close()

    assert kernel.tcp_facts(object()) == kernel.NOTHING
    assert kernel.tcp_facts(closed) == kernel.NOTHING
    assert kernel.keepalive_facts(None) == kernel.KeepaliveFacts()
    assert kernel.keepalive_facts(closed) == kernel.KeepaliveFacts()


def test_keepalive_facts() -> None:
    """The options in force, whoever set them."""
    with socket.socket() as one:
        assert not kernel.keepalive_facts(one).enabled
        one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        assert kernel.keepalive_facts(one).enabled


def test_a_pool_key_tells_who_talks_to_whom_apart_from_the_rest() -> None:
    """The first part of its fingerprint is equal as long as certificate, names and proxy are."""
    one, slower, other = (
        urllib3.poolmanager.key_fn_by_scheme["https"](
            {"scheme": "https", "host": "a.test", "port": 443, "timeout": timeout, "cert_file": own}
        )
        for timeout, own in ((1, "one.pem"), (2, "one.pem"), (1, "other.pem"))
    )
    parties, all_of_it = fingerprint(one).split("-")
    assert fingerprint(slower).split("-")[0] == parties
    assert fingerprint(slower).split("-")[1] != all_of_it
    assert fingerprint(other).split("-")[0] != parties
    assert "one.pem" not in fingerprint(one)


def test_call_site_is_the_applications() -> None:
    """The nearest frame outside of clients and the standard library."""
    site = call_sites.call_site()

    assert site.file == __file__
    assert site.function == "test_call_site_is_the_applications"
    assert site.line > 0


def test_call_site_skips_libraries() -> None:
    """Through urllib3's own frames up to the line that called it."""
    found: list[call_sites.CallSite] = []

    class Spy(urllib3.PoolManager):
        def connection_from_host(self, *args: object, **kwargs: object) -> None:  # type: ignore[override]
            found.append(eval("site()", {"site": call_sites.call_site, "__name__": "urllib3.x"}))
            raise KeyError

    with pytest.raises(KeyError):
        Spy().request("GET", "http://a.test/")

    assert found[0].file == __file__


def test_what_a_library_makes_while_it_is_imported_is_the_librarys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client made by a library's own top level was not made by the import statement."""
    library = tmp_path / "site-packages" / "imported_library.py"
    library.parent.mkdir()
    library.write_text(
        "from conntrace.traced import call_sites\n"
        "owner = call_sites.owner('urllib3.PoolManager')\n"
        "site = call_sites.call_site()\n"
    )
    monkeypatch.syspath_prepend(str(library.parent))
    monkeypatch.delitem(sys.modules, "imported_library", raising=False)
    imported = importlib.import_module("imported_library")

    assert imported.owner.site[:2] == (str(library), 2)
    assert imported.site.file == __file__


def test_call_sites_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """CONNTRACE_CALL_SITES=false: no walk, no place."""
    monkeypatch.setattr(call_sites, "enabled", False)

    assert call_sites.call_site() == call_sites.NOWHERE


def test_owner_of_a_plain_manager() -> None:
    """Without a library around it the manager's own name stands."""
    owner = call_sites.owner("urllib3.PoolManager")

    assert owner.name == "urllib3.PoolManager"
    assert owner.purpose == "app"
    assert owner.site.file == __file__


@pytest.mark.skipif(not kernel.LINUX, reason="the scheduler's file of Linux")
def test_run_delay_where_the_scheduler_does_not_tell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing is known without the file, or when it holds something else."""
    assert kernel.run_delay_ns() >= 0
    for number, content in enumerate((None, b"", b"12", b"12 many 3")):
        file = tmp_path / str(number)
        if content is not None:
            file.write_bytes(content)
        monkeypatch.setattr(kernel, "_SCHEDULER_FILE", str(file))
        assert kernel.run_delay_ns() == -1
    monkeypatch.setattr(kernel, "open_file", mock.Mock(side_effect=RuntimeError("not here")))
    assert kernel.run_delay_ns() == -1
    monkeypatch.setattr(kernel, "LINUX", False)
    assert kernel.run_delay_ns() == -1


def test_facts_that_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a sandbox that lets nobody ask: no evidence, and nothing breaks."""
    refuse = mock.Mock(side_effect=PermissionError(errno.EPERM, "no"))
    monkeypatch.setattr(kernel, "_reader", lambda _: refuse)
    with socket.socket() as one:
        assert kernel.tcp_facts(one, pending=True) == kernel.NOTHING
        assert kernel.keepalive_facts(one) == kernel.KeepaliveFacts()
    assert refuse.call_count == 2


@pytest.mark.skipif(not hasattr(socket, "TCP_KEEPIDLE"), reason="Linux's names")
def test_keepalive_options_in_force() -> None:
    """TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT as the socket has them."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (
            (socket.TCP_KEEPIDLE, 120),
            (socket.TCP_KEEPINTVL, 30),
            (socket.TCP_KEEPCNT, 4),
        ):
            one.setsockopt(socket.IPPROTO_TCP, option, value)
        assert kernel.keepalive_facts(one) == kernel.KeepaliveFacts(True, 120, 30, 4)


def test_of_a_program_on_the_command_line_nothing_is_told() -> None:
    """`python -c` and `-m`: the source may hold anything, the module's name is no secret."""
    code = "from conntrace.traced.own_process import command; print(command())"
    ended = subprocess.run(
        [sys.executable, "-c", f"secret = 'hunter2'; {code}"], capture_output=True, text=True
    )
    assert ended.stdout == "python -c\n", ended.stderr


@pytest.mark.parametrize("key", ["suppress_instrumentation", None])
def test_exporters_of_opentelemetry_are_left_alone(key: str | None) -> None:
    """Its SDK sets a key of its own making, other tools the plain word."""
    from opentelemetry import context as opentelemetry_context

    key = key or opentelemetry_context._SUPPRESS_INSTRUMENTATION_KEY
    assert not context.is_suppressed()
    token = opentelemetry_context.attach(opentelemetry_context.set_value(key, True))
    try:
        assert context.is_suppressed()
    finally:
        opentelemetry_context.detach(token)
