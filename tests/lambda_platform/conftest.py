"""Fixtures: the platforms, the layer as it is built from this checkout, functions, and spans."""

from __future__ import annotations

import os
import socket
import ssl
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from conntrace.simulator import Mount
from conntrace.simulator.receiver import SpanReceiver
from conntrace.testing import Spans, read_spans
from tests.components.require import require_component
from tests.lambda_platform.platforms import Function, LocalPlatform, Platform
from tests.lambda_platform.rie import EmulatorPlatform
from tests.layer.built import built_layer
from tests.servers.authority import Authority
from tests.servers.loopback import Behaviour, LoopbackServer
from tests.unit.exporters.collector import Collector, collector

FUNCTIONS = Path(__file__).parent / "function"

Start = Callable[..., Function]
Serve = Callable[..., LoopbackServer]
Aws = Callable[[int], dict[str, str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Elsewhere than on Linux there are neither of the platforms."""
    if sys.platform != "linux":
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip("AWS Lambda's environments are Linux"))


@pytest.fixture(scope="session")
def layer() -> Path:
    """The layer of these sources, as a zip file."""
    return built_layer() / "layer.zip"


@pytest.fixture(params=["local", "emulator"])
def platform(request: pytest.FixtureRequest, tmp_path: Path) -> Platform:
    """Both platforms, one after the other."""
    if request.param == "local":
        return LocalPlatform()
    return emulator(tmp_path)


@pytest.fixture
def local_platform() -> Platform:
    """For what only the local Lambda can do."""
    return LocalPlatform()


@pytest.fixture
def emulator_platform(tmp_path: Path) -> Platform:
    """For what is true of AWS's emulator only."""
    return emulator(tmp_path)


def emulator(tmp_path: Path) -> Platform:
    """AWS's emulator, where this machine can have it."""
    program = require_component("lambda_emulator")
    if os.geteuid() != 0:
        require_root()
    folder = tmp_path / "emulator"
    folder.mkdir()
    return EmulatorPlatform(program, folder)


def require_root() -> None:
    """End the test: the emulator wants its extensions in /opt, and only root surely can mount."""
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail("AWS's emulator needs root, and in CI nothing may be missing", pytrace=False)
    pytest.skip("AWS's emulator needs root: it looks for extensions in /opt")


class Traces:
    """The spans that functions send."""

    def __init__(self, receiver: SpanReceiver) -> None:
        self.receiver = receiver

    @property
    def spans(self) -> Spans:
        """What has come until now; all of it is there after the function's shutdown."""
        return read_spans(self.receiver.path)


@pytest.fixture
def traces(tmp_path: Path) -> Iterator[Traces]:
    """An OTLP endpoint."""
    receiver = SpanReceiver(tmp_path / "spans.jsonl")
    yield Traces(receiver)
    receiver.close()


@pytest.fixture
def start(traces: Traces, layer: Path) -> Iterator[Start]:
    """`start(platform, "shop.put", {...})` gives a function with the layer and an endpoint.

    With `traced=False` neither is there.
    """
    with ExitStack() as stack:

        def make(
            platform: Platform,
            handler: str,
            environment: Mapping[str, str] | None = None,
            *,
            traced: bool = True,
            timeout_s: int = 20,
            task_root: Path = FUNCTIONS,
            other_layer: Path | None = None,
            mounts: tuple[Mount, ...] = (),
            init_timeout_s: float = 10.0,
        ) -> Function:
            variables = {"PYTHONDONTWRITEBYTECODE": "1", **(environment or {})}
            if traced:
                variables.setdefault("AWS_LAMBDA_EXEC_WRAPPER", "/opt/conntrace")
                variables.setdefault("OTEL_EXPORTER_OTLP_ENDPOINT", traces.receiver.endpoint)
            attached = (other_layer or layer) if traced else None
            function = platform.start(
                handler, task_root, attached, variables, timeout_s, mounts, init_timeout_s
            )
            stack.callback(function.shutdown)
            return function

        yield make


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One CA for the session."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def serve(authority: Authority) -> Iterator[Serve]:
    """`serve(idle_limit_s=0.5)` starts a server that speaks TLS and answers as DynamoDB does."""
    with ExitStack() as stack:

        def make(**behaviour: object) -> LoopbackServer:
            script = Behaviour(**behaviour)  # type: ignore[arg-type]
            context = authority.server_context(ssl.TLSVersion.TLSv1_3)
            return stack.enter_context(LoopbackServer(script, tls=context))

        yield make


@pytest.fixture
def backend() -> Iterator[Collector]:
    """A back end that answers as told."""
    with collector() as running:
        yield running


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port where connections are made and nothing is ever answered."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def aws(authority: Authority) -> Aws:
    """`aws(port)`: the variables that lead boto3 to a server of ours."""

    def variables(port: int) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"https://localhost:{port}",
            "AWS_CA_BUNDLE": str(authority.bundle),
            "AWS_EC2_METADATA_DISABLED": "true",
            "CONNTRACE_TESTING": "1",
        }

    return variables
