"""Our failure is never the program's: contain it, count it, say it once, switch the place off.

Only `Exception` is swallowed: KeyboardInterrupt and SystemExit belong to the program. Under our own
tests (CONNTRACE_TESTING=1) failures are raised, so that none goes unseen.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

MAX_FAILURES = 10

# The program has no stack or memory left when it calls us: an event is lost, by no fault of ours.
_EXHAUSTED = (RecursionError, MemoryError)

_raise_own_failures = os.environ.get("CONNTRACE_TESTING") == "1"
switched_off: set[str] = set()
"""The places of MAX_FAILURES failures: their hooks only call the original. To be read elsewhere."""
_failures: dict[str, int] = {}
_exhausted = 0


def failed(place: str, error: Exception) -> None:
    """Count a failure of ours at `place`; the first one is logged, never more."""
    global _exhausted
    if isinstance(error, _EXHAUSTED):
        _exhausted += 1
        return
    if _raise_own_failures:
        raise error
    count = _failures.get(place, 0) + 1
    _failures[place] = count
    if count == 1:
        _log_once(place, error)
    if count >= MAX_FAILURES:
        switched_off.add(place)


def exhausted_count() -> int:
    """Events lost so far because the program had no stack or memory left."""
    return _exhausted


def failure_count() -> int:
    """Failures of ours in this process so far."""
    return sum(_failures.values())


def contained(place: str, function: Callable[..., Result], *arguments: object) -> Result | None:
    """Call a function of ours so that its failure stays ours; None when it failed."""
    try:
        return function(*arguments)
    except Exception as error:
        failed(place, error)
        return None


def _log_once(place: str, error: Exception) -> None:
    # Importing logging only for this would be the larger intrusion.
    logging = sys.modules.get("logging")
    if logging is None:
        return
    try:
        logging.getLogger("conntrace").warning(
            "conntrace failed at %s: %r; the program is not affected [agent-failure]", place, error
        )
    except Exception:
        return
