"""Programs that coverage stays out of: it has faults of its own where we are to show none."""

from __future__ import annotations

import os


def unmeasured() -> dict[str, str]:
    """This process's environment, without what makes coverage measure child processes.

    Ctrl-C inside coverage leaves its lock taken for ever, and in a sub-interpreter it fails with a
    traceback.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
