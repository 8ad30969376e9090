"""A program under the wrapper sees what it sees without."""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.layer.conftest import Run

DESCRIBE = Path(__file__).parent / "programs" / "describe.py"
CODE = DESCRIBE.read_text(encoding="utf-8")

FORMS = {
    "script": ["describe.py", "a", "--b", ""],
    "script here": ["./describe.py"],
    "script elsewhere": ["package/../package/describe.py", "-m"],
    "linked script": ["linked.py", "-c", "x"],
    "unbuffered script": ["-u", "describe.py", "-u"],
    "script with -X and -W": ["-X", "utf8", "-Xdev", "-W", "ignore", "-Werror", "describe.py"],
    "script with flags": ["-B", "-O", "-s", "-bb", "-q", "describe.py"],
    "isolated script": ["-I", "describe.py"],
    "script without environment": ["-E", "-S", "describe.py"],
    "checked script": ["--check-hash-based-pycs", "never", "describe.py"],
    "module": ["-m", "describe", "a", "-c"],
    "module in a package": ["-u", "-m", "package.describe", "-m", "x"],
    "package": ["-m", "package", "a"],
    "joined module": ["-mdescribe", "a"],
    "code": ["-c", CODE, "a", "-m"],
    "joined code": ["-u", f"-c{CODE}", "a"],
    "isolated code": ["-I", "-c", CODE],
    "folder": ["folder", "a"],
    "zip file": ["program.zip", "a"],
}


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with the describing program in all forms."""
    folder = tmp_path / "programs"
    (folder / "package").mkdir(parents=True)
    (folder / "folder").mkdir()
    for name in ("describe.py", "package/describe.py", "package/__main__.py"):
        shutil.copy(DESCRIBE, folder / name)
    shutil.copy(DESCRIBE, folder / "folder" / "__main__.py")
    (folder / "package" / "__init__.py").touch()
    (folder / "linked.py").symlink_to("package/describe.py")
    with zipfile.ZipFile(folder / "program.zip", "w") as archive:
        archive.write(DESCRIBE, "__main__.py")
    return folder


@pytest.mark.matrix
@pytest.mark.parametrize("form", FORMS)
def test_a_program_sees_a_plain_start(
    form: str, run: Run, opt: Path, python: str, programs: Path
) -> None:
    """Its arguments, paths, names and flags are those of Python's own start, in every form."""
    command = [python, *FORMS[form]]
    plain = run(command, cwd=programs)
    wrapped = run([opt / "conntrace", *command], cwd=programs)
    assert (plain.stderr, plain.returncode) == (wrapped.stderr, wrapped.returncode)
    assert json.loads(plain.stdout) == json.loads(wrapped.stdout)


@pytest.mark.parametrize("variable", ["PYTHONPATH", "PYTHONSAFEPATH", "PYTHONSTARTUP"])
def test_a_program_sees_its_environment(
    variable: str, run: Run, opt: Path, python: str, programs: Path
) -> None:
    """What the function's own variables do to a start, they do to a wrapped one."""
    environment = {variable: str(programs / "package")}
    command = [python, "describe.py"]
    plain = run(command, environment, cwd=programs)
    wrapped = run([opt / "conntrace", *command], environment, cwd=programs)
    assert plain.stderr == wrapped.stderr == ""
    assert json.loads(plain.stdout) == json.loads(wrapped.stdout)


ENDINGS = {
    "exit code": "import sys; sys.exit(7)",
    "exit text": "raise SystemExit('no more')",
    "wrong syntax": "def:",
    "indented": "  print(1)",
    "nothing": "",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_program_ends_as_it_would(ending: str, run: Run, opt: Path, python: str) -> None:
    """Exit code and output are the same, and so is Python's word on code that it cannot compile."""
    for command in ([python, "-c", ENDINGS[ending]], [python, "program.py"]):
        run(["sh", "-c", 'printf %s "$0" > program.py', ENDINGS[ending]])
        plain = run(command)
        wrapped = run([opt / "conntrace", *command])
        assert (plain.stdout, plain.stderr, plain.returncode) == (
            wrapped.stdout,
            wrapped.stderr,
            wrapped.returncode,
        )


def test_an_exception_shows_one_frame_of_ours(
    run: Run, opt: Path, python: str, tmp_path: Path
) -> None:
    """The traceback of a program that dies is its own, with one entry in front."""
    program = tmp_path / "failing.py"
    program.write_text("def fail():\n    return 1 / 0\nfail()\n")
    plain = run([python, program]).stderr.splitlines()
    wrapped = run([opt / "conntrace", python, program]).stderr.splitlines()
    assert "conntrace.d/start.py" in wrapped[1]
    assert plain[1:] == wrapped[-len(plain) + 1 :]
    assert len(wrapped) - len(plain) <= 3


def test_a_script_that_is_not_there(run: Run, opt: Path, python: str) -> None:
    """Python itself says so, in its own words and with its own exit code."""
    plain = run([python, "missing.py"])
    wrapped = run([opt / "conntrace", python, "missing.py"])
    assert plain.returncode == 2
    assert (plain.stderr, plain.returncode) == (wrapped.stderr, wrapped.returncode)


def test_spawned_children_find_the_program(
    run: Run, opt: Path, python: str, tmp_path: Path
) -> None:
    """multiprocessing's new processes import the same main module."""
    program = tmp_path / "spawning.py"
    program.write_text(
        "import multiprocessing\n"
        "def double(number):\n"
        "    return 2 * number\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        print(pool.map(double, [1, 2]))\n"
    )
    ended = run([opt / "conntrace", python, program])
    assert (ended.stdout, ended.stderr) == ("[2, 4]\n", "")


UNTRACED: dict[str, Sequence[str]] = {
    "another program": ["sh", "-c", "echo started"],
    "an unknown option": ["python3", "-i", "-c", "print('started')"],
    "joined options": ["python3", "-Ic", "print('started')"],
    "a Python that is too old": ["python3.9", "-c", "print('started')"],
}


@pytest.mark.parametrize("case", UNTRACED)
def test_what_is_not_understood_starts_as_it_stands(
    case: str, run: Run, opt: Path, tmp_path: Path
) -> None:
    """And one line on stderr says that nothing is traced."""
    old = tmp_path / "bin" / "python3.9"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho started\n")
    old.chmod(0o755)
    ended = run(
        [opt / "conntrace", *UNTRACED[case]],
        {"PATH": f"{old.parent}:{Path(sys.executable).parent}:/usr/bin:/bin"},
    )
    assert ended.stdout == "started\n"
    ours = [line for line in ended.stderr.splitlines() if line.startswith("conntrace: ")]
    assert len(ours) == 1
    assert ours[0].endswith("started without conntrace [layer-untraced]")


def test_a_layer_without_its_start(run: Run, own_opt: Path, python: str) -> None:
    """A copy of the wrapper alone starts the program and says what is missing."""
    shutil.rmtree(own_opt / "conntrace.d")
    ended = run([own_opt / "conntrace", python, "-c", "print('started')"])
    assert ended.stdout == "started\n"
    assert "conntrace.d/start.py; started without conntrace" in ended.stderr


@pytest.mark.parametrize(
    "damage", ["conntrace_handover.py", "conntrace_bytecode.py", "conntrace/traced/layer_start.py"]
)
def test_a_damaged_layer(damage: str, run: Run, own_opt: Path, python: str) -> None:
    """Whatever is broken in the layer, the program runs as without it."""
    shutil.rmtree(own_opt / "conntrace.d" / "bytecode")
    shutil.rmtree(own_opt / "conntrace.d" / "agent" / "__pycache__")
    (own_opt / "conntrace.d" / "agent" / damage).write_text("raise OSError('broken')\n")
    program = "import sys; print(sys.argv, sys.orig_argv, [p for p in sys.path if 'opt' in p])"
    command = [python, "-X", "dev", "-c", program, "a"]
    ended = run([own_opt / "conntrace", *command])
    assert ended.stdout == run(command).stdout


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CONNTRACE_ENABLED", "false"),
        ("CONNTRACE_ENABLED", "OFF"),
        ("CONNTRACE_ENABLED", "0"),
        ("OTEL_SDK_DISABLED", "True"),
    ],
)
def test_the_kill_switch(variable: str, value: str, run: Run, opt: Path, python: str) -> None:
    """A switched-off function is started by Python itself: nothing of ours is loaded."""
    program = "import sys; print([n for n in sys.modules if 'conntrace' in n], sys.orig_argv[1])"
    command = [opt / "conntrace", python, "-c", program]
    assert run(command, {variable: value}).stdout == "[] -c\n"
    assert "conntrace_handover" in run(command, {variable: ""}).stdout


def next_wrapper(folder: Path, name: str = "another") -> Path:
    """A wrapper as other vendors make them: sets a variable and runs its arguments."""
    wrapper = folder / name
    wrapper.write_text('#!/bin/sh\nexport ANOTHER="$ANOTHER+"\nexec "$@"\n')
    wrapper.chmod(0o755)
    return wrapper


SHOWN = (
    "import os, sys\n"
    "print(os.environ.get('ANOTHER'), 'conntrace_handover' in sys.modules, sys.argv)"
)


def test_another_wrapper_runs_after_ours(run: Run, opt: Path, python: str, tmp_path: Path) -> None:
    """It runs once, and the Python that it starts has the agent."""
    environment = {"CONNTRACE_EXEC_WRAPPER_NEXT": str(next_wrapper(tmp_path, "next wrapper"))}
    ended = run([opt / "conntrace", python, "-u", "-c", SHOWN, "a b"], environment)
    assert (ended.stdout, ended.stderr) == ("+ True ['-c', 'a b']\n", "")


@pytest.mark.parametrize(
    "command",
    [["sh", "-c", 'echo "$ANOTHER"'], ["python3", "-c", "import os\nprint(os.environ['ANOTHER'])"]],
)
def test_another_wrapper_runs_without_us(
    command: list[str], run: Run, opt: Path, tmp_path: Path
) -> None:
    """It was asked for: neither the kill switch nor an unknown program keeps it away."""
    environment = {
        "CONNTRACE_EXEC_WRAPPER_NEXT": str(next_wrapper(tmp_path)),
        "CONNTRACE_ENABLED": "false",
    }
    assert run([opt / "conntrace", *command], environment).stdout == "+\n"


def test_a_wrapper_that_cannot_run(run: Run, opt: Path, python: str, tmp_path: Path) -> None:
    """A missing one, a folder, and one without the right to execute: one line, and on we go."""
    (tmp_path / "readable").write_text("#!/bin/sh\n")
    for name in ("missing", "readable", "."):
        environment = {"CONNTRACE_EXEC_WRAPPER_NEXT": str(tmp_path / name)}
        ended = run([opt / "conntrace", python, "-c", SHOWN], environment)
        assert ended.stdout == "None True ['-c']\n"
        assert ended.stderr.count("\n") == 1
        assert ended.stderr.endswith("[layer-next-wrapper]\n")


def test_wrappers_in_a_circle(run: Run, opt: Path, python: str, tmp_path: Path) -> None:
    """Ours named as the next one, or called again by it, still starts the program once."""
    own = {"CONNTRACE_EXEC_WRAPPER_NEXT": str(opt / "conntrace")}
    assert run([opt / "conntrace", python, "-c", SHOWN], own).stdout == "None True ['-c']\n"
    again = tmp_path / "again"
    again.write_text(f'#!/bin/sh\nunset CONNTRACE_EXEC_WRAPPER_NEXT\nexec "{opt}/conntrace" "$@"\n')
    again.chmod(0o755)
    ended = run(
        [opt / "conntrace", python, "-c", SHOWN], {"CONNTRACE_EXEC_WRAPPER_NEXT": str(again)}
    )
    assert (ended.stdout, ended.stderr) == ("None True ['-c']\n", "")


# /bin/sh is bash on Amazon Linux, dash on Debian, busybox on Alpine.
SHELLS = ("bash", "bash --posix", "dash", "busybox sh")


@pytest.mark.parametrize("shell", [each for each in SHELLS if shutil.which(each.split()[0])])
def test_any_shell_will_do(shell: str, run: Run, opt: Path, python: str, tmp_path: Path) -> None:
    """Words with spaces and options come through in all that are here."""
    environment = {"CONNTRACE_EXEC_WRAPPER_NEXT": str(next_wrapper(tmp_path, "next wrapper"))}
    command = [*shell.split(), opt / "conntrace", python, "-X", "utf8", "-uB", "-c", SHOWN, "a  b"]
    ended = run(command, environment)
    assert (ended.stdout, ended.stderr) == ("+ True ['-c', 'a  b']\n", "")
