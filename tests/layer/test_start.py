"""The agent comes in by the wrapper, and takes nothing from the function."""

from __future__ import annotations

import json
import platform
import shutil
from pathlib import Path

import pytest

import conntrace
from tests.layer.conftest import Run
from tests.layer.listening import Listening
from tests.layer.pythons import RUNNING, pythons
from tests.layer.test_wrapper import CODE

# What the function's own runtime client would not have loaded by itself.
SMALL = {"_contextvars", "_socket", "_typing", "contextvars", "errno", "typing"}
SMALL |= {"encodings.ascii", "importlib.machinery", "typing.io", "typing.re"}
THEIRS = {"boto3", "botocore", "opentelemetry", "requests", "urllib3", "wrapt"}


def test_the_agent_starts(run: Run, opt: Path, python: str, listening: Listening) -> None:
    """It says hello to the extension once, before the program's first line."""
    program = "from conntrace.traced import recorder; print(recorder.running is not None)"
    ended = run([opt / "conntrace", python, "-c", program], listening.environment)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("True\n", "", 0)
    (hello,) = listening.hellos()
    assert hello.startswith("hello\t")
    assert "\tlayer\t" in hello


def test_nobody_listens(run: Run, opt: Path, python: str) -> None:
    """Without an extension the function starts untouched, and soon."""
    program = "from conntrace.traced import recorder; print(recorder.running)"
    environment = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1", "CONNTRACE_TESTING": "1"}
    ended = run([opt / "conntrace", python, "-c", program], environment)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("None\n", "", 0)


@pytest.mark.parametrize("form", ["script", "module", "code"])
def test_a_traced_program_sees_a_plain_start(
    form: str, run: Run, opt: Path, python: str, tmp_path: Path, listening: Listening
) -> None:
    """As without the agent, so with it."""
    (tmp_path / "describe.py").write_text(CODE)
    words = {"script": ["describe.py"], "module": ["-m", "describe"], "code": ["-c", CODE]}[form]
    plain = run([python, *words, "a"])
    traced = run([opt / "conntrace", python, *words, "a"], listening.environment)
    assert plain.stderr == traced.stderr == ""
    assert json.loads(plain.stdout) == json.loads(traced.stdout)
    assert len(listening.hellos()) == 1


def test_the_environment_is_the_functions_own(
    run: Run, opt: Path, python: str, listening: Listening
) -> None:
    """No variable is added or changed, but for those that shells keep for themselves."""
    command = [python, "-c", "import json, os; print(json.dumps(dict(os.environ)))"]
    plain = json.loads(run(command, listening.environment).stdout)
    traced = json.loads(run([opt / "conntrace", *command], listening.environment).stdout)
    for name in ("_", "OLDPWD", "PWD", "SHLVL"):
        plain.pop(name, None)
        traced.pop(name, None)
    assert plain == traced


def test_a_function_imports_its_own_packages(
    run: Run, opt: Path, python: str, tmp_path: Path, listening: Listening
) -> None:
    """wrapt, urllib3 and the others are those beside the handler, of whatever version."""
    packages = sorted(THEIRS)
    for name in packages:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("__version__ = '99.0'\n")
    (tmp_path / "handler.py").write_text(
        f"import {', '.join(packages)}\n"
        f"for each in ({', '.join(packages)}):\n"
        "    print(each.__version__, each.__file__)\n"
        "import conntrace.traced.wrapping, conntrace_wrapt\n"
        "print(conntrace.traced.wrapping.FunctionWrapper is conntrace_wrapt.FunctionWrapper)\n"
    )
    ended = run([opt / "conntrace", python, "handler.py"], listening.environment)
    assert ended.stderr == ""
    *own, last = ended.stdout.splitlines()
    assert own == [f"99.0 {tmp_path / name / '__init__.py'}" for name in packages]
    assert len(listening.hellos()) == 1
    assert last == "True"


def test_the_private_wrapt_is_compiled(run: Run, opt: Path, python: str) -> None:
    """The compiled part for this Python and machine is what the agent uses."""
    program = "import conntrace_wrapt._wrappers as compiled; print(compiled.__file__)"
    ended = run([opt / "conntrace", python, "-c", program])
    tag = f"{platform.machine()}-linux-gnu.so\n"
    assert ended.stdout.startswith(f"{opt}/conntrace.d/agent/conntrace_wrapt/_wrappers.cpython-3")
    assert ended.stdout.endswith(tag)


def test_a_private_wrapt_without_its_compiled_part(run: Run, own_opt: Path, python: str) -> None:
    """On another machine or Python its form in Python does the same."""
    for compiled in own_opt.rglob("*.so"):
        compiled.unlink()
    with Listening() as extension:
        program = "import socket; print(socket.getaddrinfo('127.0.0.1', 1)[0][4])"
        ended = run([own_opt / "conntrace", python, "-c", program], extension.environment)
        assert (ended.stdout, ended.stderr) == ("('127.0.0.1', 1)\n", "")
        assert len(extension.hellos()) == 1


def test_a_function_that_ships_conntrace(
    run: Run, opt: Path, python: str, tmp_path: Path, listening: Listening
) -> None:
    """`conntrace.instrument()` in the function's code says that the process is traced already."""
    source = Path(conntrace.__file__).parent
    shutil.copytree(source, tmp_path / "conntrace", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "handler.py").write_text(
        "import conntrace\nprint(conntrace.instrument(exporters=[]), conntrace.__version__)\n"
    )
    traced = run([opt / "conntrace", python, "handler.py"], listening.environment)
    assert traced.stdout == f"False {conntrace.__version__}\n"
    assert traced.stderr == "conntrace: this process is traced already [already-traced]\n"
    assert len(listening.hellos()) == 1


def test_children_are_not_traced(run: Run, opt: Path, python: str, listening: Listening) -> None:
    """Another Python that the function starts knows nothing of the layer."""
    child = "import sys; print([name for name in sys.modules if 'conntrace' in name])"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    ended = run([opt / "conntrace", python, "-c", program], listening.environment)
    assert (ended.stdout, ended.stderr) == ("[]\n", "")
    assert len(listening.hellos()) == 1


def loaded(run: Run, command: list[str | Path], environment: dict[str, str]) -> set[str]:
    """The names of all modules at the end of a start."""
    shown = "import sys; print(*sys.modules)"
    ended = run([*command[:-1], f"{command[-1]}; {shown}"], environment)
    assert ended.stderr == ""
    return set(ended.stdout.split())


def test_the_agent_loads_little(run: Run, opt: Path, listening: Listening) -> None:
    """Beyond what the runtime client loads: some small modules, no library of the function's."""
    python = pythons()[RUNNING]
    environment = dict(listening.environment)
    # What Lambda's bootstrap.py imports.
    modules = "json, logging, os, site, sys, time, traceback, warnings, awslambdaric.__main__"
    runtime = loaded(run, [python, "-c", f"import {modules}"], environment)
    traced = loaded(run, [opt / "conntrace", python, "-c", "pass"], environment)
    added = {name for name in traced - runtime if not name.startswith("conntrace")}
    assert added <= SMALL
    assert len(listening.hellos()) == 1


def test_nothing_is_written_beside_the_layer(
    run: Run, own_opt: Path, python: str, listening: Listening
) -> None:
    """Not even bytecode, where the layer could be written to."""
    before = {path: path.stat().st_mtime_ns for path in own_opt.rglob("*")}
    environment = {**listening.environment, "PYTHONDONTWRITEBYTECODE": ""}
    program = "import conntrace.analyzer.pipeline, conntrace.in_process"
    assert run([own_opt / "conntrace", python, "-c", program], environment).stderr == ""
    assert before == {path: path.stat().st_mtime_ns for path in own_opt.rglob("*")}
