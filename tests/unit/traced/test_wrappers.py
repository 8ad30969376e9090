"""Our wrapper around a builtin function: as if it were not there."""

from __future__ import annotations

import copy
import gc
import pickle
import socket
import weakref
from typing import Any

import pytest

from conntrace.traced.hooks.wrappers import OurWrapper


class Address:
    """Something whose life can be followed."""


def failing(address: object) -> None:
    """Stands for a builtin: no frame of its own keeps the argument."""
    del address
    raise ValueError("refused")


def wrapper() -> OurWrapper:
    name = "socket:gethostbyname"
    return OurWrapper(socket.gethostbyname, lambda *args: args, name, is_method=False)


def test_a_traceback_keeps_no_argument() -> None:
    """Who catches the error holds its frames, ours among them."""
    wrapped = OurWrapper(failing, failing, "place", is_method=False)
    address = Address()
    alive = weakref.ref(address)
    with pytest.raises(ValueError, match="refused") as caught:
        wrapped(address)
    del address
    gc.collect()
    assert alive() is None
    assert caught.tb is not None


def test_it_is_not_bound_where_a_builtin_is_not() -> None:
    holder: Any = type("Holder", (), {"resolve": wrapper()})
    assert holder().resolve("a") == ("a",)


def test_it_passes_as_the_original() -> None:
    wrapped = wrapper()
    assert repr(wrapped) == repr(socket.gethostbyname)
    assert copy.copy(wrapped) is wrapped is copy.deepcopy(wrapped)
    assert pickle.loads(pickle.dumps(wrapped)) is socket.gethostbyname
