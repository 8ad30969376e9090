"""A baseline: the avoidable findings that a pipeline has agreed to live with.

A JSON file, written once with `--write-baseline` and kept with the code. Whatever is avoidable and
not in it is new. `destination` and `place` may hold the wild cards of a shell (`127.0.0.1:*`).
Lines of code are not in it, nor the folders above the file's own: both differ between machines and
change with every edit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, TextIO

from conntrace.errors import ConntraceError
from conntrace.report.conditions import ConditionMet
from conntrace.report.findings import finding_id
from conntrace.report.load import Loaded
from conntrace.report.tally import Key
from conntrace.report.traffic import Sums
from conntrace.report.units import duration

FORMAT = "conntrace-baseline"
VERSION = 1
_FIELDS = ("cause", "destination", "place")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Allowed:
    """One row: what it names may be found."""

    cause: str
    destination: str
    place: str

    def covers(self, key: Key) -> bool:
        """Whether the finding is one of these."""
        cause, destination, place = key
        return (
            self.cause == cause
            and fnmatchcase(str(destination), self.destination)
            and fnmatchcase(place.stable, self.place)
        )


def read(name: str) -> list[Allowed]:
    """Read a baseline. Raises ConntraceError when it cannot be read or is none."""
    try:
        with open(name, encoding="utf-8") as file:
            document = json.load(file)
    except OSError as error:
        reason = error.strerror or error
        raise ConntraceError("baseline-unreadable", f"cannot read {name}: {reason}") from error
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ConntraceError(
            "baseline-unreadable", f"{name} is no baseline: write one with --write-baseline"
        )
    return list(_rows(document.get("allowed"), name))


def _rows(rows: Any, name: str) -> Iterator[Allowed]:
    for number, row in enumerate(rows if isinstance(rows, list) else [None], start=1):
        found = [row.get(field) for field in _FIELDS] if isinstance(row, dict) else []
        values = [each for each in found if isinstance(each, str)]
        if len(values) != len(_FIELDS):
            raise ConntraceError(
                "baseline-unreadable", f"row {number} of {name} needs {', '.join(_FIELDS)}"
            )
        yield Allowed(*values)


def write(told: Loaded, stream: TextIO) -> None:
    """Write the baseline that allows all that is avoidable now."""
    rows = {
        finding_id(*key): {
            "id": finding_id(*key),
            "cause": key[0],
            "destination": str(key[1]),
            "place": key[2].stable,
        }
        for key, _ in avoidable(told)
    }
    document = {"format": FORMAT, "version": VERSION, "allowed": list(rows.values())}
    json.dump(document, stream, indent=1)
    stream.write("\n")


def avoidable(told: Loaded) -> Iterator[tuple[Key, Sums]]:
    """The findings that a change would remove, the costliest first."""
    return ((key, sums) for key, sums in told.tally.by_finding().items() if sums.avoidable_ms > 0)


def is_allowed(key: Key, allowed: Sequence[Allowed]) -> bool:
    """Whether a row covers it."""
    return any(each.covers(key) for each in allowed)


def check(told: Loaded, allowed: Sequence[Allowed]) -> None:
    """Raise ConditionMet when something avoidable is new."""
    new = [(key, sums) for key, sums in avoidable(told) if not is_allowed(key, allowed)]
    if new:
        shown = "; ".join(_words(key, sums) for key, sums in new[:_SHOWN])
        rest = f" and {len(new) - _SHOWN} more" if len(new) > _SHOWN else ""
        raise ConditionMet("not-in-baseline", f"not in the baseline: {shown}{rest}")


def _words(key: Key, sums: Sums) -> str:
    cause, destination, place = key
    where = f" at {place}" if place.path else ""
    return f"{finding_id(*key)} {cause} to {destination}{where} ({duration(sums.avoidable_ms)})"
