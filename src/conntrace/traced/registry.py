"""Records about objects of the program, found by identity, that never keep the object alive.

An attribute on the object would show in `vars()`, in pickles and in copies of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import ref

from conntrace.traced import guard

Record = TypeVar("Record")

# As unlike for two living objects as `id`, which raises an audit event: 0.1 us, and heard by all.
identity_of = object.__hash__


class Registry(Generic[Record]):
    """object -> record. `gone(record)` is called when the object is collected.

    `gone` runs inside the garbage collector, in any thread, in the middle of anything: it may only
    append to a deque.
    """

    def __init__(self, gone: Callable[[Record], None]) -> None:
        self._gone = gone
        self.by_identity: dict[int, tuple[ref[object], Record]] = {}

    def get(self, subject: object) -> Record | None:
        """The record of an object, or None."""
        entry = self.by_identity.get(identity_of(subject))
        return None if entry is None else entry[1]

    def add(self, subject: object, record: Record) -> None:
        """Keep a record until the object is collected."""
        key = identity_of(subject)
        records, gone, contained = self.by_identity, self._gone, guard.contained

        def forget(_: ref[object]) -> None:
            entry = records.pop(key, None)
            if entry is not None:
                # What leaves a finalizer would be shown to the program as an unraisable exception.
                try:
                    contained("forget", gone, entry[1])
                except Exception:
                    pass  # the interpreter ends, and has emptied our modules

        records[key] = (ref(subject, forget), record)

    def forget(self, subject: object) -> None:
        """Drop the record of an object that lives on, without calling `gone`."""
        self.by_identity.pop(identity_of(subject), None)

    def records(self) -> list[Record]:
        """All records of objects that live."""
        return [record for _, record in list(self.by_identity.values())]

    def clear(self) -> None:
        """Forget all, without calling `gone`."""
        self.by_identity.clear()

    def __len__(self) -> int:
        return len(self.by_identity)
