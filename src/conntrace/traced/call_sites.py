"""Who in the program did it: the application's frame, and what owns a pool manager.

A walk up the stack, bounded, done only when something rare happens (a client, a pool, a close, a
lookup outside any client). Frames of conntrace, of HTTP clients and of the standard library are
skipped; a frame outside `site-packages` wins over a library's.

Each look at a frame's code raises an audit event, so what the module's name settles is settled by
it: most frames of a walk are an HTTP client's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import NamedTuple

MAX_FRAMES = 80

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_STANDARD_LIBRARY = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_SKIPPED_PACKAGES = frozenset(
    {
        "anyio",
        "aws_xray_sdk",
        "boto3",
        "botocore",
        "conntrace",
        "conntrace_wrapt",
        "ddtrace",
        "eventlet",
        "gevent",
        "opentelemetry",
        "outcome",
        "requests",
        "s3transfer",
        "sentry_sdk",
        "trio",
        "twisted",
        "urllib3",
        "wrapt",
    }
)
# Where event loops take up a task or callback: the line further out that started the loop did not
# ask for what they do.
_LOOPS = frozenset(
    {
        ("asyncio.events", "_run"),
        ("trio._core._run", "unrolled_run"),
        ("twisted.internet.base", "mainLoop"),
    }
)
_LOOP_MODULES = frozenset(module for module, _ in _LOOPS)
_RUNTIME_CLIENT = "awslambdaric"
APPLICATION, LIBRARY, SKIPPED, OUTSIDE = 0, 1, 2, 3
"""OUTSIDE: what runs the application; nothing further out is of interest."""

_verdicts: dict[CodeType, int] = {}
_skipped_modules: set[str] = set()
_MAX_VERDICTS = 20_000


class CallSite(NamedTuple):
    """A place in the application's source."""

    file: str = ""
    line: int = 0
    function: str = ""


NOWHERE = CallSite()


class Owner(NamedTuple):
    """Who uses a pool manager, and where the application made it."""

    name: str
    purpose: str
    one_shot: str
    site: CallSite


enabled = True
application_package = ""
"""Top-level package that is the application wherever it is installed; empty when not known."""
is_packed_library: Callable[[str], bool] | None = None
"""Tells a library's file by more than the name of its folder, where that does not say enough."""


def call_site(beyond_imports: bool = True, frame: FrameType | None = None) -> CallSite:
    """The application's frame nearest to the caller, else a library's, else nothing.

    The walk begins at `frame`, or at the caller's. Without `beyond_imports` it stays within the
    library that is being imported: what a library makes on its own account was not made by the line
    that imports it.
    """
    if not enabled:
        return NOWHERE
    fallback = NOWHERE
    frame = frame or sys._getframe(1)
    for _ in range(MAX_FRAMES):
        if frame is None:
            break
        module = frame.f_globals.get("__name__")
        if type(module) is str and module in _skipped_modules:
            # Most frames. A call for each would make the walk a third longer.
            frame = frame.f_back
            continue
        verdict = verdict_of(frame)
        if verdict == APPLICATION:
            return site_of(frame)
        if verdict == OUTSIDE:
            break
        if verdict == LIBRARY and fallback is NOWHERE:
            fallback = site_of(frame)
        if not beyond_imports and frame.f_code.co_name == "<module>":
            return fallback if fallback is not NOWHERE else site_of(frame)
        frame = frame.f_back
    return fallback


def verdict_of(frame: FrameType) -> int:
    """Whose code runs in a frame: APPLICATION, LIBRARY, SKIPPED or OUTSIDE."""
    module = frame.f_globals.get("__name__", "")
    if type(module) is str and module in _skipped_modules:
        return SKIPPED
    code = frame.f_code
    verdict = _verdicts.get(code)
    return _judge(code, module) if verdict is None else verdict


def site_of(frame: FrameType) -> CallSite:
    """Where a frame stands now."""
    code = frame.f_code
    return CallSite(code.co_filename, frame.f_lineno or 0, code.co_name)


def _judge(code: CodeType, module: object) -> int:
    if len(_verdicts) > _MAX_VERDICTS:
        _verdicts.clear()
        _skipped_modules.clear()
    name = str(module)
    if (name, code.co_name) in _LOOPS:
        verdict = OUTSIDE
    else:
        verdict = _verdict(code.co_filename, name)
        if name not in _LOOP_MODULES and _is_skipped_package(name):
            _skipped_modules.add(name)
    _verdicts[code] = verdict
    return verdict


def _is_skipped_package(module: str) -> bool:
    return module.partition(".")[0] in _SKIPPED_PACKAGES


def _verdict(filename: str, module: str) -> int:
    if filename.startswith(_HERE) or _is_skipped_package(module):
        return SKIPPED
    if filename.startswith("<") and not module.startswith("__main__"):
        return SKIPPED
    package = module.partition(".")[0]
    if package == _RUNTIME_CLIENT:
        return OUTSIDE
    if package and package == application_package:
        return APPLICATION
    if f"{os.sep}site-packages{os.sep}" in filename or f"{os.sep}dist-packages{os.sep}" in filename:
        vendored = any(f".{name}." in f".{module}." for name in ("urllib3", "requests"))
        return SKIPPED if vendored else LIBRARY
    if filename.startswith(_STANDARD_LIBRARY):
        return SKIPPED
    packed = is_packed_library is not None and is_packed_library(filename)
    return LIBRARY if packed else APPLICATION


def owner(default: str) -> Owner:
    """Who is making a pool manager or a pool right now; `default` when nobody known is."""
    names: dict[str, str] = {}
    frame: FrameType | None = sys._getframe(1)
    for _ in range(MAX_FRAMES):
        if frame is None:
            break
        _read_frame(frame, names)
        frame = frame.f_back
    site = call_site(beyond_imports=False)
    if "credentials" in names:
        return Owner("botocore credentials", "credentials", "", site)
    if "telemetry" in names:
        return Owner(names["telemetry"], "telemetry", "", site)
    if "service" in names:
        library = "boto3" if "boto3" in names else "botocore"
        return Owner(f"{library} {names['service']}", "app", "", site)
    if "requests" in names:
        # An adapter that the program makes itself, to mount it, is no session of its own.
        alone = "adapter" in names and "session" not in names
        name = "requests.HTTPAdapter" if alone else "requests.Session"
        return Owner(name, "app", names.get("one_shot", ""), site)
    return Owner(default, "app", "", site)


def _read_frame(frame: FrameType, names: dict[str, str]) -> None:
    module = str(frame.f_globals.get("__name__", ""))
    package, _, rest = module.partition(".")
    if package == "botocore":
        _read_botocore_frame(frame, rest, names)
    elif package == "boto3":
        names["boto3"] = "boto3"
    elif package == "requests":
        names["requests"] = "requests"
        if frame.f_code.co_name == "__init__" and rest in ("adapters", "sessions"):
            names[rest.removesuffix("s")] = rest
        # The outermost frame of requests.api is the function that the program called.
        if rest == "api":
            names["one_shot"] = f"requests.{frame.f_code.co_name}"
    elif module.startswith("opentelemetry.exporter"):
        names.setdefault("telemetry", "OpenTelemetry exporter")


def _read_botocore_frame(frame: FrameType, module: str, names: dict[str, str]) -> None:
    if module in ("credentials", "tokens"):
        names["credentials"] = module
    elif module == "utils" and frame.f_code.co_name == "__init__":
        subject = type(frame.f_locals.get("self")).__name__
        if "Fetcher" in subject:
            names["credentials"] = subject
    elif module == "session" and frame.f_code.co_name == "create_client":
        service = frame.f_locals.get("service_name")
        if isinstance(service, str):
            names.setdefault("service", service)
