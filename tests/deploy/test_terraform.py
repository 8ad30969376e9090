"""Terraform: its resources and variables. The provider's own validation needs its registry."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from typing import Any

import pytest

from tests.deploy.workbench import Workbench, assert_two_settings

LOAD = "import hcl2; print(json.dumps(hcl2.load(open(path))))"
# What the AWS provider's documentation has for them.
LAYER_ARGUMENTS = {
    "compatible_architectures",
    "compatible_runtimes",
    "filename",
    "layer_name",
    "license_info",
    "source_code_hash",
}
FUNCTION_ARGUMENTS = {
    "environment",
    "filename",
    "function_name",
    "handler",
    "layers",
    "role",
    "runtime",
    "source_code_hash",
    "timeout",
}
REFERENCE = re.compile(r"\b(var|local|data|aws_\w+)\.(\w+)")


def plain(value: Any) -> Any:
    """The parser's form without the quotes of literals and its own marks."""
    if isinstance(value, Mapping):
        return {plain(key): plain(each) for key, each in value.items() if key != "__is_block__"}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value[1:-1] if isinstance(value, str) and value.startswith('"') else value


@pytest.fixture
def configuration(workbench: Workbench) -> Any:
    return plain(workbench.read(LOAD, workbench.examples / "terraform" / "main.tf"))


def variables(configuration: Any) -> dict[str, Any]:
    """Input variables by name."""
    return {name: body for block in configuration["variable"] for name, body in block.items()}


def blocks(configuration: Any, kind: str) -> dict[str, Any]:
    """Resources or data sources by `type.name`."""
    return {
        f"{label}.{name}": body
        for block in configuration[kind]
        for label, named in block.items()
        for name, body in named.items()
    }


def test_the_function_has_layer_and_settings(configuration: Any) -> None:
    resources = blocks(configuration, "resource")
    layer = resources["aws_lambda_layer_version.conntrace"]
    function = resources["aws_lambda_function.function"]
    assert set(resources) == {"aws_lambda_layer_version.conntrace", "aws_lambda_function.function"}
    assert set(layer) == LAYER_ARGUMENTS
    assert set(function) == FUNCTION_ARGUMENTS
    assert function["layers"] == ["${aws_lambda_layer_version.conntrace.arn}"]
    assert_two_settings(function["environment"][0]["variables"], "${var.otlp_endpoint}")
    assert layer["compatible_runtimes"] == [f"python3.{minor}" for minor in range(10, 15)]
    assert layer["compatible_architectures"] == ["x86_64", "arm64"]
    assert function["runtime"] in layer["compatible_runtimes"]


def test_every_reference_is_defined(configuration: Any) -> None:
    inputs = {("var", name) for name in variables(configuration)}
    defined = {("local", name) for each in configuration["locals"] for name in each}
    defined |= {("data", address.split(".")[0]) for address in blocks(configuration, "data")}
    for address in blocks(configuration, "resource"):
        kind, _, name = address.partition(".")
        defined.add((kind, name))
    used = set(REFERENCE.findall(str(configuration)))
    assert used <= inputs | defined
    assert inputs <= used


def test_the_layer_is_where_make_puts_it(workbench: Workbench, configuration: Any) -> None:
    here = workbench.examples / "terraform"
    path = configuration["locals"][0]["layer"].replace("${path.module}", str(here))
    assert (here / path).is_file()
    code = blocks(configuration, "data")["archive_file.function"]["source_dir"]
    assert (here / code.replace("${path.module}", str(here)) / "app.py").is_file()


def test_it_is_formatted(workbench: Workbench) -> None:
    """As `terraform fmt` writes it: this also parses it with Terraform's own parser."""
    program = shutil.which("terraform")
    if program is None:
        # No package registry has Terraform: it is a bonus where a machine comes with one.
        pytest.skip("terraform is not on PATH")
    assert workbench.output(program, "fmt", "-check", "-diff", folder="terraform") == ""
