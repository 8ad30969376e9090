"""The second flavour: OpenTelemetry's encoder comes along, for the extension alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.layer.built import built_layer
from tests.layer.conftest import Run

ENCODE = """
import sys
home = sys.argv[1]
sys.path[:0] = [home + "/extension", home + "/agent"]
import conntrace_bytecode
conntrace_bytecode.install()
sys.path.append(home + "/protobuf")
from conntrace.analyzer.exporters.otlp_protobuf import export_request
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
print(len(ExportTraceServiceRequest.FromString(export_request([])).resource_spans))
print(sys.modules["google.protobuf"].__file__)
"""


@pytest.fixture(scope="module")
def opt() -> Path:
    """The flavour, unpacked."""
    return built_layer("protobuf") / "opt"


def test_the_encoder_works(run: Run, opt: Path, python: str) -> None:
    """In a process like the extension's, which has nothing but the layer."""
    home = opt / "conntrace.d"
    ended = run([python, "-I", "-S", "-c", ENCODE, home])
    assert ended.stderr == ""
    count, file = ended.stdout.splitlines()
    assert (count, file) == ("0", f"{home}/protobuf/google/protobuf/__init__.py")


def test_functions_do_not_see_it(run: Run, opt: Path, python: str) -> None:
    """Its packages are in the private folder, and no start puts that on a function's path."""
    program = "import google.protobuf"
    ended = run([opt / "conntrace", python, "-I", "-S", "-c", program])
    assert "No module named 'google'" in ended.stderr
    places = {str(path.relative_to(opt)) for path in opt.rglob("*protobuf*")}
    assert all(place.startswith("conntrace.d/") for place in places)


def test_it_only_adds(opt: Path, layer: Path) -> None:
    """All files of the other flavour are there, and new ones in two folders."""
    manifests = [
        json.loads((folder / "conntrace.d" / "manifest.json").read_text())
        for folder in (layer / "opt", opt)
    ]
    assert [manifest["flavour"] for manifest in manifests] == ["json", "protobuf"]
    plain, other = (set(manifest["files"]) for manifest in manifests)
    assert plain - other == set()
    assert {name.split("/")[1] for name in other - plain} == {"protobuf", "licenses"}


def test_papers_name_all_packages(opt: Path) -> None:
    """Each has a version in the bill of materials, and a licence text."""
    bill = json.loads((opt / "conntrace.d" / "sbom.cdx.json").read_text())
    found = {component["name"].lower() for component in bill["components"]}
    assert {"wrapt", "protobuf", "opentelemetry-sdk", "opentelemetry-proto"} <= found
    assert all(component["licenses"][0]["license"]["name"] for component in bill["components"])
    licences = [path.name.lower() for path in (opt / "conntrace.d" / "licenses").iterdir()]
    missing = [name for name in found if not any(each.startswith(name) for each in licences)]
    assert missing == []
