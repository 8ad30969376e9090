"""asyncio looks names up in an executor thread, which does not inherit the context: give it ours.

Without this a lookup made by `loop.getaddrinfo` would lose the span it belongs to.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from typing import Any

from conntrace.traced import recording
from conntrace.traced.hooks.base import Hook

_LOOKUPS = frozenset({"getaddrinfo", "getnameinfo", "_getaddrinfo_debug"})


def build_run_in_executor(original: Callable[..., Any]) -> Callable[..., Any]:
    """Run a lookup in a copy of the caller's context; everything else goes through untouched."""

    def run_in_executor(*args: Any, **kwargs: Any) -> Any:
        if recording.active is None or len(args) < 3:
            return original(*args, **kwargs)
        loop, executor, function, *rest = args
        if getattr(function, "__name__", "") not in _LOOKUPS:
            return original(*args, **kwargs)
        return original(loop, executor, copy_context().run, function, *rest, **kwargs)

    return run_in_executor


HOOKS = (Hook("asyncio.base_events", "BaseEventLoop.run_in_executor", build=build_run_in_executor),)
