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
        self._references: dict[int, ref[object]] = {}
        self.by_identity: dict[int, Record] = {}
        self.at = self.by_identity.get
        """`at(identity_of(subject))` is `get(subject)`, without a call of Python's."""

    def get(self, subject: object) -> Record | None:
        """The record of an object, or None."""
        return self.by_identity.get(identity_of(subject))

    def add(self, subject: object, record: Record) -> None:
        """Keep a record until the object is collected."""
        key = identity_of(subject)
        records, references = self.by_identity, self._references
        gone, contained = self._gone, guard.contained

        def forget(_: ref[object]) -> None:
            references.pop(key, None)
            record = records.pop(key, None)
            if record is not None:
                # What leaves a finalizer would be shown to the program as an unraisable exception.
                try:
                    contained("forget", gone, record)
                except Exception:
                    pass  # the interpreter ends, and has emptied our modules

        references[key] = ref(subject, forget)
        records[key] = record

    def forget(self, subject: object) -> None:
        """Drop the record of an object that lives on, without calling `gone`."""
        key = identity_of(subject)
        self._references.pop(key, None)
        self.by_identity.pop(key, None)

    def records(self) -> list[Record]:
        """All records of objects that live."""
        return list(self.by_identity.values())

    def clear(self) -> None:
        """Forget all, without calling `gone`."""
        self._references.clear()
        self.by_identity.clear()

    def __len__(self) -> int:
        return len(self.by_identity)
