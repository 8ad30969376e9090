"""A copy of examples/deploy with a layer beside it, and the tools that check it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.components.require import require_component

CHECKOUT = Path(__file__).parents[2]
EXAMPLES = CHECKOUT / "examples" / "deploy"
WRAPPER = "/opt/conntrace"
ENDPOINT = "http://collector.internal:4318"
# Settings of the person at the keyboard: no tool may find their account, or our own agent.
FOREIGN = ("AWS_", "CONNTRACE_", "COVERAGE_", "OTEL_", "PYTHON", "SLS_", "TF_")
NOBODY = {
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nobody",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_PAGER": "",
    # Never Amazon's: nothing listens here unless a test says otherwise.
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "true",
    "SLS_NOTIFICATIONS_MODE": "off",
    "SLS_TELEMETRY_DISABLED": "true",
}


@dataclass(frozen=True)
class Workbench:
    """`examples` is the copy; `programs` is the folder of the tools from PyPI."""

    examples: Path
    programs: Path

    def environment(self, **more: str) -> dict[str, str]:
        """What a tool is started with."""
        kept = {key: text for key, text in os.environ.items() if not key.startswith(FOREIGN)}
        path = f"{self.programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return {**kept, **NOBODY, "PATH": path, "HOME": str(self.examples.parent), **more}

    def run(
        self, *command: str | Path, folder: str = ".", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """A tool run to its end in a folder of the copy, successful or not."""
        return subprocess.run(
            command,
            cwd=self.examples / folder,
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    def output(self, *command: str | Path, folder: str = ".", **variables: str) -> str:
        """What a tool prints; it must succeed."""
        ended = self.run(*command, folder=folder, **variables)
        assert ended.returncode == 0, f"{command}: {ended.stdout}{ended.stderr}"
        return ended.stdout

    def read(self, program: str, file: Path) -> Any:
        """A file as JSON, by a line of Python that has the tools' libraries and `path`."""
        source = f"import json, sys; path = sys.argv[1]; {program}"
        return json.loads(self.output(self.programs / "python", "-c", source, file))


def make_workbench(folder: Path) -> Workbench:
    """Copies the examples to where their paths to the layer hold."""
    examples = folder / "examples" / "deploy"
    shutil.copytree(EXAMPLES, examples, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    (folder / "dist").mkdir()
    with zipfile.ZipFile(folder / "dist" / "conntrace-layer.zip", "w") as layer:
        layer.writestr("conntrace", "#!/bin/sh\n")
    return Workbench(examples, require_component("deploy_tools"))


def require_program(name: str) -> str:
    """A program of this machine; without it the test is skipped, or fails in CI."""
    found = shutil.which(name)
    if found is None:
        if os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail(f"{name} is not on PATH, and in CI nothing may be missing", pytrace=False)
        pytest.skip(f"{name} is not on PATH")
    return found


def assert_two_settings(variables: Mapping[str, object], endpoint: object) -> None:
    """The wrapper and the endpoint, and nothing else."""
    assert variables == {
        "AWS_LAMBDA_EXEC_WRAPPER": WRAPPER,
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
    }
