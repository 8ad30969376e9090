"""One thing that the doctor looked at."""

from __future__ import annotations

from typing import NamedTuple


class Check(NamedTuple):
    """`healthy` is None where there is nothing to judge."""

    group: str
    name: str
    finding: str
    healthy: bool | None = None
