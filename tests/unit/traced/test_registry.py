"""Records by identity that never keep their object alive."""

from __future__ import annotations

import gc

from conntrace.traced.registry import Registry


class Thing:
    """Something that can be weakly referenced."""


def test_record_goes_with_its_object() -> None:
    """The record is handed over once when the object is collected."""
    gone: list[str] = []
    registry: Registry[str] = Registry(gone.append)
    thing = Thing()
    registry.add(thing, "record")

    assert registry.get(thing) == "record"
    del thing
    gc.collect()

    assert gone == ["record"]
    assert len(registry) == 0


def test_cycle_is_collected_as_without_us() -> None:
    """The registry is no reason for an object in a cycle to stay."""
    gone: list[str] = []
    registry: Registry[str] = Registry(gone.append)
    thing = Thing()
    thing.itself = thing  # type: ignore[attr-defined]
    registry.add(thing, "record")

    del thing
    gc.collect()

    assert gone == ["record"]


def test_unknown_object_has_no_record() -> None:
    """Nothing is made up."""
    registry: Registry[str] = Registry(lambda record: None)

    assert registry.get(Thing()) is None


def test_cleared_registry_tells_nobody() -> None:
    """After a stop no callback fires."""
    gone: list[str] = []
    registry: Registry[str] = Registry(gone.append)
    thing = Thing()
    registry.add(thing, "record")

    registry.clear()
    del thing
    gc.collect()

    assert gone == []
