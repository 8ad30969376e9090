"""What the local Lambda refuses to do, instead of doing something else."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest

from conntrace.errors import ConntraceError
from conntrace.simulator import LocalLambda
from conntrace.simulator.checks import client_context_text
from tests.simulator.conftest import FUNCTION, Start


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the local Lambda puts its own files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"environment": {"SHOP": 5}}, "SHOP is 5"),
        ({"environment": {"SHOP": None}}, "SHOP is None"),
        ({"environment": {"SHOP": "a\0b"}}, "SHOP is"),
        ({"environment": {"A=B": "c"}}, "'A=B'"),
        ({"environment": {"": "c"}}, "''"),
        ({"timeout_s": 0}, "timeout_s=0"),
        ({"timeout_s": "3"}, "timeout_s='3'"),
        ({"timeout_s": float("nan")}, "timeout_s=nan"),
        ({"memory_mb": -1}, "memory_mb=-1"),
        ({"max_concurrency": 0}, "max_concurrency=0"),
        ({"initialization_type": "provisioned"}, "provisioned-concurrency"),
        ({"name": "a/b"}, "name='a/b'"),
    ],
)
def test_settings_that_no_function_has(options: dict[str, Any], named: str, folders: Path) -> None:
    """The setting is named, and nothing was made."""
    with pytest.raises(ConntraceError, match="cannot take this") as told:
        LocalLambda("app.do", FUNCTION, **options)
    assert told.value.slug == "lambda-settings"
    assert named in str(told.value)
    assert list(folders.iterdir()) == []


@pytest.mark.parametrize("options", [{"task_root": "/nowhere"}, {"python": "/nowhere"}])
def test_nothing_is_left_of_a_function_that_cannot_be(
    options: dict[str, Any], folders: Path
) -> None:
    """Whichever of its settings was wrong."""
    with pytest.raises(ConntraceError):
        LocalLambda("app.do", **{"task_root": FUNCTION, **options})
    assert list(folders.iterdir()) == []


@pytest.mark.parametrize(
    ("event", "gap_s", "named"),
    [
        ({1, 2}, 0, "the event is not JSON: Object of type set"),
        ("x" * 6 * 1024 * 1024, 0, "the event has 6,291,458 bytes"),
        ("nothing", -1, "gap_s=-1"),
        ("nothing", float("nan"), "gap_s=nan"),
    ],
)
def test_what_cannot_be_asked(start: Start, event: object, gap_s: float, named: str) -> None:
    """Lambda refuses it too, before the function hears of it."""
    function = start()
    with pytest.raises(ConntraceError) as told:
        function.invoke(event, gap_s=gap_s)
    assert told.value.slug == "lambda-request"
    assert named in str(told.value)
    assert "START" not in function.log


@pytest.mark.parametrize(
    ("context", "handed_on"),
    [
        ({"custom": {"shop": "ü"}}, r'{"custom": {"shop": "\u00fc"}}'),
        ('{"custom":\n {"shop": "ü"}}', r'{"custom": {"shop": "\u00fc"}}'),
        ('{"custom":{}}', '{"custom":{}}'),
        ("no JSON", "no JSON"),
    ],
)
def test_client_context(context: Any, handed_on: str) -> None:
    """In a header there are neither line breaks nor other letters than ASCII has."""
    assert client_context_text(context) == handed_on


def test_text_that_fits_no_header(start: Start) -> None:
    """It would be read as something else."""
    function = start()
    for wrong in ({"trace_header": "a\r\nb: c"}, {"client_context": "ü"}):
        with pytest.raises(ConntraceError) as told:
            function.invoke("nothing", **wrong)
        assert told.value.slug == "lambda-request"
    assert function.invoke("nothing", client_context={"custom": {"shop": "ü"}}).error == ""


def test_a_function_that_was_closed(folders: Path) -> None:
    """No environment would ever be ended that began after it."""
    with LocalLambda("app.do", FUNCTION) as function:
        assert function.invoke("nothing").error == ""
    with pytest.raises(ConntraceError, match="the function is closed"):
        function.invoke("nothing")
    assert list(folders.iterdir()) == []


def test_a_function_that_nobody_closed(folders: Path) -> None:
    """Its files go with it."""
    function = LocalLambda("app.do", FUNCTION)
    assert len(list(folders.iterdir())) == 1
    del function
    assert list(folders.iterdir()) == []
