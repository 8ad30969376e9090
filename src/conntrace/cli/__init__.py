"""The `conntrace` command. Every command lives in a module of its own, loaded when it is called."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (default: this process's own); returns the exit code.

    `run` goes before everything else: the program it starts must not wait for our imports.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] == "run":
        from conntrace.cli import run

        return run.main(given[1:])
    from conntrace.cli import commands

    return commands.main(given)
