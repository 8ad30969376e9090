"""A table with a fixed ceiling: the oldest entry goes when it is full, and is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Value = TypeVar("Value")


class BoundedTable(Generic[Value]):
    """Values by id, at most `ceiling` of them.

    The entry that was put or touched longest ago makes room; `on_evicted` gets it, so that a caller
    can end what is still open instead of losing it. `evicted` counts them.
    """

    __slots__ = ("_ceiling", "_on_evicted", "_values", "evicted")

    def __init__(
        self, ceiling: int, on_evicted: Callable[[int, Value], None] | None = None
    ) -> None:
        self._ceiling = ceiling
        self._values: dict[int, Value] = {}
        self._on_evicted = on_evicted
        self.evicted = 0

    def put(self, key: int, value: Value) -> None:
        """Add or replace the value under `key`: now it is the youngest."""
        self._values.pop(key, None)
        self._values[key] = value
        if len(self._values) > self._ceiling:
            oldest = next(iter(self._values))
            lost = self._values.pop(oldest)
            self.evicted += 1
            if self._on_evicted is not None:
                self._on_evicted(oldest, lost)

    def get(self, key: int) -> Value | None:
        """The value under `key`, or None."""
        return self._values.get(key)

    def touch(self, key: int) -> None:
        """Make the entry the youngest one."""
        value = self._values.pop(key, None)
        if value is not None:
            self._values[key] = value

    def pop(self, key: int) -> Value | None:
        """Take the value under `key` out; None when it is not there."""
        return self._values.pop(key, None)

    def values(self) -> list[Value]:
        """All values, oldest first, as a list of its own."""
        return list(self._values.values())

    def clear(self) -> None:
        """Forget everything, uncounted."""
        self._values.clear()

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[int]:
        return iter(list(self._values))
