"""asyncio looks names up in an executor thread, which knows neither the context nor who asks.

Without this a lookup made by `loop.getaddrinfo` would lose the span it belongs to, and its call
site.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

from conntrace.traced import call_sites, guard, recording
from conntrace.traced.hooks import dns
from conntrace.traced.hooks.base import Hook

_LOOKUPS = frozenset(
    {
        "_getaddrinfo_debug",
        "getaddrinfo",
        "getfqdn",
        "gethostbyaddr",
        "gethostbyname",
        "gethostbyname_ex",
        "getnameinfo",
    }
)


def _runs_in_threads(loop: Any, executor: object) -> bool:
    """A context cannot be sent to another process, nor may other executors be able to take one."""
    if executor is None:
        executor = getattr(loop, "_default_executor", None)
    threads = sys.modules.get("concurrent.futures.thread")
    return executor is None or (
        threads is not None and isinstance(executor, threads.ThreadPoolExecutor)
    )


def _context() -> Context:
    copied = copy_context()
    site = guard.contained("asyncio lookup", call_sites.call_site)
    copied.run(dns.asked_at.set, site or call_sites.NOWHERE)
    return copied


def build_run_in_executor(original: Callable[..., Any]) -> Callable[..., Any]:
    """Run a lookup in a copy of the caller's context; everything else goes through untouched."""

    def run_in_executor(*args: Any, **kwargs: Any) -> Any:
        if recording.active is None or len(args) < 3:
            return original(*args, **kwargs)
        loop, executor, function, *rest = args
        if getattr(function, "__name__", "") not in _LOOKUPS:
            return original(*args, **kwargs)
        if not _runs_in_threads(loop, executor):
            return original(*args, **kwargs)
        return original(loop, executor, _context().run, function, *rest, **kwargs)

    return run_in_executor


HOOKS = (Hook("asyncio.base_events", "BaseEventLoop.run_in_executor", build=build_run_in_executor),)
