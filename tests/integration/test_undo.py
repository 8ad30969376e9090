"""After `uninstrument()` every class and module is as before, attribute by attribute."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import subprocess
import sys
import threading
from types import FunctionType, ModuleType

import boto3
import pytest
import requests
import urllib3

from conntrace.testing import capture
from tests.integration.conftest import Serve

PACKAGES = ("socket", "_socket", "ssl", "http", "urllib", "urllib3", "requests", "botocore")
HOOKED = (
    socket.socket,
    ssl.SSLContext,
    ssl.SSLSocket,
    http.client.HTTPConnection,
    http.client.HTTPSConnection,
    http.client.HTTPResponse,
    urllib3.HTTPConnectionPool,
    urllib3.HTTPSConnectionPool,
    urllib3.PoolManager,
    urllib3.connection.HTTPConnection,
    urllib3.connection.HTTPSConnection,
    requests.Session,
    requests.adapters.HTTPAdapter,
)
IMPORTS_DURING_SESSION = """
import sys
from conntrace.testing import capture
assert "urllib3" not in sys.modules
with capture():
    import urllib3, requests, botocore.client, botocore.httpsession
    if "conntrace" in vars(urllib3.connection.HTTPConnection)["connect"].__globals__["__name__"]:
        print("patched")
for name, module in list(sys.modules.items()):
    if name.partition(".")[0] in ("socket", "ssl", "http", "urllib3", "requests", "botocore"):
        for key, value in vars(module).items():
            attributes = vars(value).items() if isinstance(value, type) else ()
            for path, one in [(key, value), *attributes]:
                source = one.__globals__["__name__"] if type(one) is type(lambda: 0) else ""
                if "conntrace" in f"{type(one).__module__} {source}":
                    sys.exit(f"{name}.{key}.{path} is still ours")
"""

Snapshot = dict[tuple[str, str], object]


def snapshot() -> Snapshot:
    """Every attribute of every module and class of the packages that are patched, by identity."""
    found: Snapshot = {}
    for name, module in list(sys.modules.items()):
        if isinstance(module, ModuleType) and name.partition(".")[0] in PACKAGES:
            for key, value in vars(module).items():
                found[(name, key)] = value
                if isinstance(value, type) and value.__module__ == name:
                    found.update(_of_class(f"{name}.{key}", value))
    return found


def _of_class(name: str, one: type) -> Snapshot:
    found: Snapshot = {}
    for key, value in vars(one).items():
        # getset descriptors of C classes are the same object each time; abc's caches are not.
        if key not in ("_abc_impl", "__abstractmethods__"):
            found[(name, key)] = value
            if isinstance(value, FunctionType):
                found[(f"{name}.{key}", "__dict__")] = tuple(sorted(vars(value)))
    return found


def differences(before: Snapshot, after: Snapshot) -> list[str]:
    """The names of attributes that came, went or are another object now."""
    changed = [
        f"{'.'.join(key)} changed"
        for key, value in before.items()
        if key in after and not _same(value, after[key])
    ]
    gone = [f"{'.'.join(key)} is gone" for key in before.keys() - after.keys()]
    new = [f"{'.'.join(key)} is new" for key in after.keys() - before.keys()]
    return [*changed, *gone, *new]


def _same(one: object, other: object) -> bool:
    """The same object; plain values may be equal instead. A wrapper claims to be equal, too."""
    plain = isinstance(one, (str, bytes, int, float, tuple, frozenset))
    return one is other or (plain and type(one) is type(other) and one == other)


def use_everything(url: str) -> None:
    """Walk through every hook once, so that whatever is set up lazily has been."""
    with urllib3.PoolManager() as manager:
        manager.request("GET", url)
    requests.get(url, timeout=10)
    client = boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    client.put_item(TableName="orders", Item={"id": {"N": "1"}})
    client.close()


@pytest.fixture(autouse=True)
def _no_aws_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def test_undo_attribute_by_attribute(serve: Serve) -> None:
    """Nothing of the patched packages differs after a session in which every hook was used."""
    server = serve()
    use_everything(server.url())
    before = snapshot()
    with capture() as spans:
        use_everything(server.url())
    assert len(spans.setups) == 3
    assert differences(before, snapshot()) == []
    assert "connect" not in vars(socket.socket)
    assert "connect_ex" not in vars(socket.socket)


def test_patched_while_it_lasts() -> None:
    """The comparison above would see a patch: during the session things do differ."""
    before = snapshot()
    with capture():
        found = differences(before, snapshot())
    assert any("getaddrinfo" in one for one in found)
    assert any("urlopen" in one for one in found)


def test_interpreter_is_as_before() -> None:
    """Import hooks, threads and signal handlers are as before, too."""
    before = (list(sys.meta_path), list(sys.path), threading.active_count())
    with capture():
        pass
    assert (list(sys.meta_path), list(sys.path), threading.active_count()) == before


def test_modules_imported_during_the_session() -> None:
    """What was patched on its import is as its library made it afterwards."""
    ended = subprocess.run(
        [sys.executable, "-c", IMPORTS_DURING_SESSION], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "patched\n"


@pytest.mark.parametrize("one", HOOKED, ids=lambda one: f"{one.__module__}.{one.__name__}")
def test_no_trace_on_class(one: type) -> None:
    """No attribute of a hooked class is ours once the session is over."""
    with capture():
        pass
    for name, value in vars(one).items():
        assert "conntrace" not in type(value).__module__, name
        assert "conntrace" not in getattr(value, "__globals__", {}).get("__name__", ""), name
