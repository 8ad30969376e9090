"""Container images: no Docker engine is needed to see what the files say."""

from __future__ import annotations

import ast
import json
from typing import Any

import pytest

from tests.deploy.workbench import WRAPPER, Workbench

LOAD = (
    "from dockerfile_parse import DockerfileParser as P; "
    "print(json.dumps(P(fileobj=open(path, 'rb')).structure))"
)
FILES = ("Dockerfile", "Dockerfile.own-entrypoint")
Steps = dict[str, list[str]]


@pytest.fixture
def steps(request: pytest.FixtureRequest, workbench: Workbench) -> Steps:
    """Instructions of the file and what they are given, in order."""
    parsed: list[dict[str, Any]] = workbench.read(
        LOAD, workbench.examples / "container" / request.param
    )
    found: Steps = {}
    for step in parsed:
        found.setdefault(step["instruction"], []).append(step["value"])
    return found


@pytest.mark.parametrize("steps", FILES, indirect=True)
def test_the_folder_becomes_opt(steps: Steps) -> None:
    """From a named build context, which `docker build` and buildx both take."""
    assert "--from=conntrace / /opt/" in steps["COPY"]
    assert [json.loads(each) for each in steps["CMD"]] == [["app.handler"]]
    assert len(steps["FROM"]) == 1


@pytest.mark.parametrize("steps", FILES[:1], indirect=True)
def test_aws_image_takes_the_variable(steps: Steps) -> None:
    assert steps["FROM"][0].startswith("public.ecr.aws/lambda/python:3.")
    assert steps["ENV"] == [f"AWS_LAMBDA_EXEC_WRAPPER={WRAPPER}"]
    assert "ENTRYPOINT" not in steps


@pytest.mark.parametrize("steps", FILES[1:], indirect=True)
def test_own_entrypoint_begins_with_the_wrapper(steps: Steps) -> None:
    """The interpreter by its path: the wrapper starts nothing but a Python with the agent."""
    entrypoint = json.loads(steps["ENTRYPOINT"][0])
    assert entrypoint == [WRAPPER, "/usr/local/bin/python", "-m", "awslambdaric"]
    assert "ENV" not in steps
    assert any("awslambdaric" in command for command in steps["RUN"])


def test_the_function_is_a_module(workbench: Workbench) -> None:
    """`app.handler`, in the folder that every example points to."""
    tree = ast.parse((workbench.examples / "function" / "app.py").read_text())
    assert "handler" in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
