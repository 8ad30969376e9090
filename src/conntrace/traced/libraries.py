"""Whose call it is when an API that connects for one request is called: a library's or nobody's."""

from __future__ import annotations

from types import FrameType

from conntrace.traced import call_sites

IN_LIBRARY = " in "


def one_shot_in(api: str, frame: FrameType | None) -> str:
    """`api`, and after ` in ` the library that calls it on behalf of the application.

    A library that nobody's application calls is the program itself.
    """
    if not call_sites.enabled:
        return api
    library = ""
    for _ in range(call_sites.MAX_FRAMES):
        if frame is None:
            break
        verdict = call_sites.verdict_of(frame)
        if verdict == call_sites.APPLICATION:
            return f"{api}{IN_LIBRARY}{library}" if library else api
        if verdict == call_sites.LIBRARY and not library:
            library = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        frame = frame.f_back
    return api
