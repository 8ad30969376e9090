"""Libraries that are packed beside the handler, as `pip install --target` does it."""

from __future__ import annotations

from pathlib import Path

import pytest

from conntrace import semantic_names as names
from conntrace.simulator.layers import unpack
from conntrace.testing import Span
from tests.lambda_platform.conftest import Serve, Start, Traces
from tests.lambda_platform.platforms import Platform

LIBRARY = """\
import urllib3
urllib3.disable_warnings()

class Shop:
    def __init__(self):
        self.pool = urllib3.PoolManager(cert_reqs="CERT_NONE")

    def order(self, url):
        return self.pool.request("GET", url).status

def handler(event, context):
    return Shop().order(event["url"])
"""
HANDLER = """\
def get(event, context):
    from shop_client import Shop
    return Shop().order(event["url"])
"""


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """A function's folder with a library, and with an own package that was installed as well."""
    folder = tmp_path / "task"
    for distribution in ("shop_client", "orders"):
        (folder / distribution).mkdir(parents=True)
        (folder / f"{distribution}-1.0.dist-info").mkdir()
    (folder / "shop_client" / "__init__.py").write_text(LIBRARY)
    (folder / "app.py").write_text(HANDLER)
    (folder / "orders" / "app.py").write_text(HANDLER)
    return folder


def made_in(setup: Span) -> str:
    """Where its client was made: the last two parts of the path, and the line."""
    return "/".join(str(setup.attributes[names.POOL_CREATED_AT]).split("/")[-2:])


@pytest.mark.parametrize(
    ("handler", "line"), [("app.get", "task/app.py:3"), ("orders.app.get", "orders/app.py:3")]
)
def test_the_functions_own_line_is_told(
    platform: Platform,
    start: Start,
    serve: Serve,
    traces: Traces,
    packed: Path,
    handler: str,
    line: str,
) -> None:
    """The library's line is the same for every client; the function's says what to change."""
    with serve() as server:
        function = start(platform, handler, task_root=packed)
        answers = [function.invoke({"url": server.url("localhost")}).payload for _ in range(2)]
        function.shutdown()
    assert answers == [b"200", b"200"]
    assert traces.spans.causes == ["first_use_of_destination", "client_recreated"]
    assert [line, line] == [made_in(setup) for setup in traces.spans.setups]


def test_what_comes_with_a_layer_is_a_library(
    start: Start,
    local_platform: Platform,
    serve: Serve,
    traces: Traces,
    layer: Path,
    packed: Path,
    tmp_path: Path,
) -> None:
    """Layers are often without the folders that installers leave."""
    (packed / "shop_client-1.0.dist-info").rmdir()
    both = tmp_path / "layers" / "python"
    unpack([layer], both.parent)
    (packed / "shop_client").rename(both / "shop_client")
    with serve() as server:
        function = start(local_platform, "app.get", task_root=packed, other_layer=both.parent)
        assert function.invoke({"url": server.url("localhost")}).payload == b"200"
        function.shutdown()
    (setup,) = traces.spans.setups
    assert made_in(setup) == "task/app.py:3"


def test_what_runs_the_function_is_never_the_place(
    platform: Platform, start: Start, serve: Serve, traces: Traces, packed: Path
) -> None:
    """A handler that a library made: no frame is the function's own, nor is the runtime's start."""
    (packed / "made.py").write_text("from shop_client import handler")
    with serve() as server:
        function = start(platform, "made.handler", task_root=packed)
        assert function.invoke({"url": server.url("localhost")}).payload == b"200"
        function.shutdown()
    (setup,) = traces.spans.setups
    assert made_in(setup) == "shop_client/__init__.py:6"
