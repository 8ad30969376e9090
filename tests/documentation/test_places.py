"""Who is to run a documented command does: what `elsewhere` says holds.

All other commands are run by `test_run_as_they_stand`, but for pieces of ours in a sentence, such
as `conntrace run -o`: those are parsed, by tests/unit/test_docs_commands.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from scripts import newcomer

from tests.documentation.collector import CHECKOUT, begins_with_a_program, commands
from tests.documentation.elsewhere import PLACES, Ci, Instead, InTest, Place, Target, Walk

CI = (CHECKOUT / ".ci" / "run").read_text(encoding="utf-8")
MAKEFILE = (CHECKOUT / "Makefile").read_text(encoding="utf-8")


def test_no_place_is_for_a_command_of_the_past() -> None:
    assert set(PLACES) - {command.line for command in commands()} == set()


def test_commands_are_found() -> None:
    """Of each kind, and no prose."""
    lines = {command.line for command in commands()}
    assert {"make", "make demo", "pip install .", "conntrace run -- python app.py"} <= lines
    assert len(lines) > 80
    assert begins_with_a_program("A=1 B=x conntrace run -- python app.py")
    assert begins_with_a_program("examples/deploy/aws-cli/attach.sh my-function")
    assert not begins_with_a_program("makes it slower")
    assert not begins_with_a_program("conntrace.connection.id is the name")


@pytest.mark.parametrize("line", PLACES, ids=lambda line: line[:60])
def test_its_place_holds_it(line: str) -> None:
    assert is_in(PLACES[line]), PLACES[line]


def is_in(place: Place) -> bool:
    match place:
        case Ci(command):
            return command in steps_of_ci()
        case Walk(command):
            walked = [step.command for step in newcomer.STEPS] + list(newcomer.BEFORE)
            return any(command in step for step in walked) and "make newcomer" in steps_of_ci()
        case Target(needed_by, run_by):
            rule = next(each for each in MAKEFILE.splitlines() if each.startswith(f"{needed_by}:"))
            (target,) = [line for line, each in PLACES.items() if each is place]
            needed = rule.partition(":")[2].partition("##")[0].split()
            return target.removeprefix("make ") in needed and is_in(run_by)
        case InTest(path, name, holds):
            return holds in source_of(CHECKOUT / path, name)
        case Instead(reason, test):
            return bool(reason) and is_in(test)


def steps_of_ci() -> str:
    """What `.ci/run` calls; its comments left out."""
    lines = [line.strip() for line in CI.splitlines()]
    return "\n".join(line for line in lines if line.startswith(("step ", "make ")))


def source_of(path: Path, name: str) -> str:
    """The text of a test."""
    text = path.read_text(encoding="utf-8")
    (found,) = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    return ast.get_source_segment(text, found) or ""


def test_ci_runs_it() -> None:
    """The guard that `make instructions ARGS=--accept` moves."""
    assert "make instructions" in steps_of_ci()
