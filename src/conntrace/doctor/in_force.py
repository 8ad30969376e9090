"""The settings in force, and where each came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from conntrace.config import load
from conntrace.doctor.check import Check
from conntrace.settings_table import TABLE, Setting

_GROUP = "settings"


def checks(environment: Mapping[str, str], *, defaults: bool) -> Iterator[Check]:
    """Those that are set, and with `defaults` all others too; then what is wrong with them."""
    settings, problems = load(environment)
    yield Check(_GROUP, "switched on", _switched_on(environment, settings.active), settings.active)
    for row in TABLE:
        name = _given(row, environment)
        if row.internal or not (name or defaults):
            continue
        value = getattr(settings, row.field)
        shown = "(set)" if row.secret and name else _shown(value)
        yield Check(_GROUP, name or row.names[0], shown if name else f"{shown} (default)")
    for problem in problems:
        yield Check(_GROUP, "wrong", problem, False)


def _switched_on(environment: Mapping[str, str], active: bool) -> str:
    if active:
        return "yes"
    rows = {row.field: row for row in TABLE}
    named = (_given(rows[field], environment) for field in ("enabled", "sdk_disabled"))
    why = " and ".join(f"{name}={environment[name]}" for name in named if name)
    return f"no: {why}"


def _given(row: Setting, environment: Mapping[str, str]) -> str:
    """The variable that this setting was taken from."""
    return next((name for name in row.names if environment.get(name, "").strip()), "")


def _shown(value: object) -> str:
    if value in (None, "", (), frozenset()):
        return "not set"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, frozenset):
        return ",".join(sorted(value))
    return str(value)
