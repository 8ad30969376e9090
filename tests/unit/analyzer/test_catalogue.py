"""The table of causes: complete, consistent, and light to import."""

from __future__ import annotations

import subprocess
import sys

import pytest

from conntrace.catalogue import _TABLE, CAUSES, CLOSE_REASONS, FAMILIES, CauseText, title


@pytest.mark.parametrize("cause", _TABLE, ids=lambda cause: cause.id)
def test_each_cause_is_told_in_full(cause: CauseText) -> None:
    """Title, meaning and how it is decided; nothing avoidable without a change to make."""
    assert cause.family in FAMILIES
    assert cause.title
    assert cause.meaning
    assert cause.how
    assert not cause.avoidable or cause.advice
    assert bool(cause.close_reason) == bool(cause.initiator)
    assert cause.initiator in ("", "local", "remote")


def test_ids_are_unique() -> None:
    """One entry for each id, and no close reason of the same name."""
    assert len(CAUSES) == len(_TABLE)
    assert not set(CAUSES) & set(CLOSE_REASONS)


def test_every_id_has_a_title_and_an_unknown_one_is_its_own() -> None:
    """Reports of a later version's spans still say something."""
    assert title("server_closed_idle") == "The server closes idle connections"
    assert title("pool_collected") == "Its pool was collected"
    assert title("from_the_future") == "from_the_future"


def test_the_table_imports_nothing_heavy() -> None:
    """The traced side may import it: no dataclasses, no regular expressions of its own."""
    code = (
        "import __future__, sys, typing\n"
        # From Python 3.14 on the first one made loads what reads annotations.
        "class Row(typing.NamedTuple):\n    field: int\n"
        "before = set(sys.modules)\n"
        "import conntrace.catalogue\n"
        "print(*(set(sys.modules) - before))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(run.stdout.split()) == {"conntrace", "conntrace.catalogue"}
