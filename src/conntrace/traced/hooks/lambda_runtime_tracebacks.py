"""The traceback that a function returns with an error: as it would be without the agent.

The runtime client strips its own frames only. Ours stand in the middle wherever an error came
through a hook; they are taken out where the client has just read the traceback, and nowhere else:
in the program they stay visible.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from conntrace.traced import guard
from conntrace.traced.hooks import on_import
from conntrace.traced.hooks.base import Hook
from conntrace.traced.lambda_errors import without_frames_of

if TYPE_CHECKING:
    from conntrace.traced.lambda_errors import Frame

_PLACE = "extract_traceback"


def build_extract(original: Callable[..., Any]) -> Callable[..., Any]:
    """`(filename, line, function, text)` of each frame, but for ours."""

    def extract_traceback(*args: Any, **kwargs: Any) -> Any:
        frames = original(*args, **kwargs)
        cleaned = guard.contained(_PLACE, _cleaned, frames)
        return frames if cleaned is None else cleaned

    return extract_traceback


def _cleaned(frames: list[Frame]) -> list[Frame]:
    return without_frames_of(_our_folders(), on_import.__file__, frames)


def _our_folders() -> tuple[str, ...]:
    """conntrace, and the layer's private copy of wrapt when it runs without its C extension."""
    packages = (sys.modules.get(name) for name in ("conntrace", "conntrace_wrapt"))
    return tuple(
        os.path.dirname(package.__file__) + os.sep
        for package in packages
        if package is not None and package.__file__
    )


HOOKS = (Hook("awslambdaric.bootstrap", "extract_traceback", build=build_extract),)
