"""For users' own tests: a fixture with the captured spans, a marker that limits new connections,
and `--conntrace-report`.

Loaded by every pytest run of an environment that has conntrace, so nothing but pytest is imported
here; the rest stands in `conntrace.pytest_session` and is loaded when a test asks for it.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conntrace.pytest_session import Captured, Session

MARKER = "max_new_connections"
OPTION = "--conntrace-report"
_FOLDER = "conntrace_folder"

_session = pytest.StashKey["Session"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option."""
    parser.getgroup("conntrace").addoption(
        OPTION,
        action="store_true",
        dest="conntrace_report",
        help="Trace all tests and show at the end why they opened connections.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """The marker; with the option also the beginning of the recording."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(n): fail the test when it sets up more than n HTTP connections (conntrace)",
    )
    if config.getoption("conntrace_report"):
        session_of(config).record(getattr(config, "workerinput", {}).get(_FOLDER, ""))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """Under pytest-xdist the workers record, and the controller reports."""
    config: pytest.Config = node.config  # type: ignore[attr-defined]
    if config.getoption("conntrace_report"):
        node.workerinput[_FOLDER] = session_of(config).folder  # type: ignore[attr-defined]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """The report of the whole session."""
    if config.getoption("conntrace_report"):
        terminalreporter.section("conntrace")
        terminalreporter.write_line(session_of(config).report())


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let go of everything."""
    session = config.stash.get(_session, None)
    if session is not None:
        session.close()


def session_of(config: pytest.Config) -> Session:
    """What this process records for its tests; made when it is first asked for."""
    session = config.stash.get(_session, None)
    if session is None:
        from conntrace.pytest_session import Session

        session = config.stash[_session] = Session()
    return session


@pytest.fixture
def conntrace_capture(request: pytest.FixtureRequest) -> Generator[Captured, None, None]:
    """What the test does on the network: `conntrace_capture.spans`, up to the moment of asking."""
    with session_of(request.config).capture() as captured:
        yield captured


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Hold a marked test against its limit, once it has passed otherwise."""
    marker = item.get_closest_marker(MARKER)
    if marker is None:
        yield
        return
    limit = _limit_of(marker)
    with session_of(item.config).capture() as captured:
        outcome = yield
        setups = captured.spans.setups
    if outcome.excinfo is None and len(setups) > limit:  # type: ignore[attr-defined]
        from conntrace.pytest_session import complaint

        try:
            pytest.fail(complaint(setups, limit), pytrace=False)
        except pytest.fail.Exception as failure:
            outcome.force_exception(failure)  # type: ignore[attr-defined]


def _limit_of(marker: pytest.Mark) -> int:
    limit = marker.args[0] if marker.args else None
    if len(marker.args) != 1 or marker.kwargs or type(limit) is not int or limit < 0:
        pytest.fail(f"write it as @pytest.mark.{MARKER}(3), with a number from 0 up", pytrace=False)
    return limit
