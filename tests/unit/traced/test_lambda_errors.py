"""The traceback of an error reply is as it would be without the agent."""

from __future__ import annotations

from conntrace.traced.lambda_errors import without_frames_of

OURS = ("/opt/agent/conntrace/", "/opt/agent/conntrace_wrapt/")
LOADER = "/opt/agent/conntrace/traced/hooks/on_import.py"
Frame = tuple[str, int | None, str, str | None]


def frame(filename: str, function: str = "f") -> Frame:
    """One frame."""
    return filename, 1, function, "text"


HANDLER = frame("/var/task/app.py", "handler")
LIBRARY = frame("/var/task/urllib3/connectionpool.py", "urlopen")
HOOK = frame("/opt/agent/conntrace/traced/hooks/urllib3_requests.py", "urlopen")
WRAPT = frame("/opt/agent/conntrace_wrapt/wrappers.py", "__call__")
OUR_LOADER = frame(LOADER, "exec_module")
FIND = frame("<frozen importlib._bootstrap>", "_find_and_load")
LOAD = frame("<frozen importlib._bootstrap>", "_load_unlocked")
EXECUTE = frame("<frozen importlib._bootstrap_external>", "exec_module")
CALL = frame("<frozen importlib._bootstrap>", "_call_with_frames_removed")


def cleaned(*frames: Frame) -> list[Frame]:
    """What is left of these frames."""
    return without_frames_of(OURS, LOADER, frames)


def test_frames_of_ours_go_and_others_stay() -> None:
    """Wherever they stand."""
    assert cleaned(HANDLER, WRAPT, HOOK, LIBRARY, HOOK) == [HANDLER, LIBRARY]
    assert cleaned(HANDLER, LIBRARY) == [HANDLER, LIBRARY]
    assert cleaned() == []


def test_a_name_that_begins_alike_is_not_ours() -> None:
    """A folder beside ours belongs to somebody else."""
    other = frame("/opt/agent/conntrace_of_theirs/app.py")
    assert cleaned(other) == [other]


def test_import_frames_that_python_would_have_taken_out() -> None:
    """An import statement: Python took out those below our loader, so those above go too."""
    assert cleaned(HANDLER, FIND, LOAD, OUR_LOADER, LIBRARY) == [HANDLER, LIBRARY]


def test_import_frames_that_python_leaves_in() -> None:
    """`importlib.import_module`: nothing was taken out below, so nothing is above."""
    stays = [HANDLER, FIND, LOAD, EXECUTE, CALL, LIBRARY]
    assert cleaned(HANDLER, FIND, LOAD, OUR_LOADER, EXECUTE, CALL, LIBRARY) == stays


def test_import_frames_elsewhere_are_not_touched() -> None:
    """Only those right above our loader."""
    assert cleaned(FIND, HANDLER, HOOK, LIBRARY) == [FIND, HANDLER, LIBRARY]
    assert cleaned(HANDLER, FIND, HOOK, LIBRARY) == [HANDLER, FIND, LIBRARY]
