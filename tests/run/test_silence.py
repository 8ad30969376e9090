"""Why nothing was recorded: nothing recorded must never look like nothing wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.run.commands import PYTHON, run, said

from conntrace.cli.silence import why_silent


@pytest.mark.parametrize("flag", ["-I", "-E", "-S", "-IS", "-Wignore", "-uE"])
def test_an_option_that_keeps_us_out_is_named(flag: str) -> None:
    ended = run("--", PYTHON, flag, "-c", "print('ran')")
    assert ended.stdout == "ran\n"
    line = said(ended)[-1]
    if flag == "-Wignore":
        assert line.startswith("1 process")
    else:
        letter = next(each for each in flag if each in "IES")
        assert line.startswith(f"nothing was recorded: the option -{letter} of Python ")
        assert line.endswith("[nothing-recorded]")


def test_a_command_that_is_not_python() -> None:
    ended = run("--", "sh", "-c", "true")
    (line,) = said(ended)
    assert line.startswith("nothing was recorded: sh is not a Python program, or started none")
    assert ended.stderr.count("\n") == 1, "no empty report"


@pytest.fixture
def old_python(tmp_path: Path) -> Path:
    """A stand-in, as old interpreters are not everywhere."""
    program = tmp_path / "bin" / "python3.9"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


def test_an_old_python_by_its_name(old_python: Path) -> None:
    assert "python3.9 is Python 3.9; conntrace needs Python 3.10" in why_silent([str(old_python)])


def test_an_old_python_in_a_virtualenv(old_python: Path) -> None:
    python = old_python.with_name("python")
    old_python.rename(python)
    (old_python.parent.parent / "pyvenv.cfg").write_text("home = /x\nversion = 3.8.18\n")
    assert "python is Python 3.8; conntrace needs" in why_silent([str(python), "app.py"])


def test_the_script_of_an_old_python(old_python: Path, tmp_path: Path) -> None:
    script = tmp_path / "tool"
    script.write_text(f"#!{old_python} -u\nimport x\n")
    assert "is Python 3.9; conntrace needs" in why_silent([str(script)])


@pytest.mark.parametrize(
    ("first_line", "expected"),
    [
        ("#!/usr/bin/env -S python3 -I", "the option -I of Python"),
        ("#!/usr/bin/env python3", "conntrace could not start in "),
        ("#!/bin/bash", "tool is not a Python program"),
        ("#!", "tool is not a Python program"),
        ("\x7fELF", "tool is not a Python program"),
    ],
)
def test_the_first_line_of_a_script_tells(tmp_path: Path, first_line: str, expected: str) -> None:
    script = tmp_path / "tool"
    script.write_text(f"{first_line}\n")
    assert why_silent([str(script)]).startswith(expected)


@pytest.mark.parametrize(
    "words",
    [
        ["-X", "Importtime", "-c", "-I"],
        ["-W", "Ignore", "app.py", "-E"],
        ["-c", "print()", "-S"],
        ["-m", "Sphinx", "-E"],
        ["--", "-I"],
        ["--help-all"],
        ["app.py", "-I"],
        ["-WIgnore", "app.py"],
        [],
    ],
)
def test_words_that_are_not_pythons_own_options(words: list[str]) -> None:
    assert why_silent([PYTHON, *words]).startswith("conntrace could not start in ")


def test_a_program_that_is_gone() -> None:
    assert why_silent(["/gone/tool"]).startswith("tool is not a Python program")
