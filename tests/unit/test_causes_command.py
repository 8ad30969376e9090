"""`conntrace causes [ID]`: the table of causes, told in the terminal."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from conntrace.catalogue import CAUSES, FAMILIES, CauseText
from conntrace.cli.causes import command
from conntrace.errors import UsageError


def words(text: str) -> str:
    """Without line breaks and indents."""
    return " ".join(text.split())


def test_all_are_listed_by_family() -> None:
    """Without an ID: each family, each cause with its title."""
    shown = words(CliRunner().invoke(command, []).output)
    for meaning in FAMILIES.values():
        assert meaning in shown
    for cause in CAUSES.values():
        assert f"{cause.id} {cause.title}" in shown


@pytest.mark.parametrize("cause", CAUSES.values(), ids=lambda cause: cause.id)
def test_one_is_explained(cause: CauseText) -> None:
    """Meaning, how it is decided, what to do and what not: all that the table has, no heading for
    what it has not."""
    output = CliRunner().invoke(command, [cause.id]).output
    assert all(line == line.rstrip() for line in output.splitlines())
    shown = words(output)
    for text in (cause.title, cause.meaning, cause.how, cause.advice, cause.do_not):
        assert words(text) in shown
    assert ("What not to do" in shown) == bool(cause.do_not)


@pytest.mark.parametrize(
    ("name", "hint"), [("server_close", "server_closed_idle"), ("nonsense", "conntrace causes")]
)
def test_an_unknown_one_leads_to_the_known(name: str, hint: str) -> None:
    """The message says what is near, or where all are."""
    result = CliRunner().invoke(command, [name])
    assert isinstance(result.exception, UsageError)
    assert hint in str(result.exception)
