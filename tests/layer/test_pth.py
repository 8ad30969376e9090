"""The start without the wrapper: a .pth file that Lambda's own start reads when it is asked to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.layer.conftest import Run
from tests.layer.listening import Listening

# What Lambda's bootstrap.py does with a layer's python/ folder unless PYTHONPATH is set.
BOOTSTRAP = """
import site, sys
layer = {folder!r}
before = list(sys.path)
sys.path.insert(0, layer)
site.addsitedir(layer)
sys.path.remove(layer)
print("conntrace" in sys.modules, sys.path == before)
"""


@pytest.fixture
def bootstrap(opt: Path) -> str:
    """A program that finds the layer as the platform does."""
    return BOOTSTRAP.format(folder=str(opt / "python"))


@pytest.mark.parametrize("value", ["true", "TRUE", " true ", "1", "yes", "on"])
def test_on_when_asked_for(
    value: str, run: Run, python: str, bootstrap: str, listening: Listening
) -> None:
    """The agent starts, once, and leaves the path of imports as it was."""
    environment = {**listening.environment, "CONNTRACE_ENABLED": value}
    ended = run([python, "-c", bootstrap + bootstrap], environment)
    assert (ended.stdout, ended.stderr) == ("True True\nTrue True\n", "")
    assert len(listening.hellos()) == 1


@pytest.mark.parametrize("value", ["", "false", "0", "perhaps"])
def test_off_when_not_asked_for(
    value: str, run: Run, python: str, bootstrap: str, listening: Listening
) -> None:
    """Attaching the layer alone starts nothing."""
    environment = {**listening.environment, "CONNTRACE_ENABLED": value}
    ended = run([python, "-c", bootstrap], environment)
    assert (ended.stdout, ended.stderr) == ("False True\n", "")
    assert listening.hellos() == []


def test_the_kill_switch_of_opentelemetry_wins(
    run: Run, python: str, bootstrap: str, listening: Listening
) -> None:
    """The process is left as it is: nothing is even loaded."""
    switches = {"CONNTRACE_ENABLED": "true", "OTEL_SDK_DISABLED": "True"}
    ended = run([python, "-c", bootstrap], {**listening.environment, **switches})
    assert (ended.stdout, ended.stderr) == ("False True\n", "")
    assert listening.hellos() == []


def test_no_warning_comes_with_it(
    run: Run, python: str, bootstrap: str, listening: Listening
) -> None:
    """A function may be run in development mode, which shows files that nobody closed."""
    environment = {**listening.environment, "CONNTRACE_ENABLED": "true"}
    ended = run([python, "-X", "dev", "-W", "error", "-c", bootstrap], environment)
    assert (ended.stdout, ended.stderr) == ("True True\n", "")
    assert len(listening.hellos()) == 1


def test_not_a_second_time_after_the_wrapper(
    run: Run, opt: Path, python: str, bootstrap: str, listening: Listening
) -> None:
    """Both ways in at once are one start."""
    environment = {**listening.environment, "CONNTRACE_ENABLED": "true"}
    ended = run([opt / "conntrace", python, "-c", bootstrap], environment)
    assert (ended.stdout, ended.stderr) == ("True True\n", "")
    assert len(listening.hellos()) == 1


def test_not_by_pythonpath(run: Run, opt: Path, python: str, listening: Listening) -> None:
    """Python reads no .pth file there; docs say so for wrappers that set PYTHONPATH."""
    environment = {"CONNTRACE_ENABLED": "true", "PYTHONPATH": str(opt / "python")}
    program = "import sys; print('conntrace' in sys.modules)"
    ended = run([python, "-c", program], {**listening.environment, **environment})
    assert (ended.stdout, ended.stderr) == ("False\n", "")


def test_a_damaged_layer(run: Run, own_opt: Path, python: str, listening: Listening) -> None:
    """One line, and the function starts."""
    for name in ("conntrace_handover.py", "conntrace_bytecode.py"):
        (own_opt / "conntrace.d" / "agent" / name).write_text("raise OSError('broken')\n")
    for folder in ("bytecode", "agent/__pycache__"):
        for path in (own_opt / "conntrace.d" / folder).iterdir():
            path.unlink()
    environment = {**listening.environment, "CONNTRACE_ENABLED": "true"}
    program = BOOTSTRAP.format(folder=str(own_opt / "python"))
    ended = run([python, "-c", program], environment)
    assert ended.stdout == "False True\n"
    assert ended.stderr == "conntrace: not started: OSError('broken') [layer-start-failed]\n"
