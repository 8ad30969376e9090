"""What the agent took is measured: its own part of a call, not the program's."""

from __future__ import annotations

import time
import types

import pytest

from conntrace.traced import recording
from conntrace.traced.hooks.base import Arguments, Hook, Installer, Keywords

OURS_S = 0.02
THEIRS_S = 1.0


def begin(instance: object, args: Arguments, kwargs: Keywords) -> object:
    """A slow hook."""
    time.sleep(OURS_S)
    return "token"


def end(token: object, result: object, error: BaseException | None) -> None:
    """A slow hook."""
    time.sleep(OURS_S)


@pytest.mark.parametrize("fails", [False, True])
def test_both_halves_of_a_hook_count_and_the_program_does_not(fails: bool) -> None:
    """Also when the patched function raises."""

    def work() -> None:
        time.sleep(THEIRS_S)
        if fails:
            raise ValueError

    module = types.ModuleType("patched_for_time")
    module.work = work  # type: ignore[attr-defined]
    installer = Installer([Hook("patched_for_time", "work", begin, end)])
    installer.patch_module("patched_for_time", module)
    before_ns = recording.spent_ns
    try:
        module.work()
    except ValueError:
        assert fails
    finally:
        installer.remove()
    spent_s = (recording.spent_ns - before_ns) / 1e9
    assert 2 * OURS_S <= spent_s < THEIRS_S
