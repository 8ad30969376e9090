"""A function's error reply: what it says the error is, and whose frames its traceback shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Filename, line, function, text of the line.
    Frame = tuple[str, int | None, str, str | None]

MAX_TYPE = 200
_IMPORT_SYSTEM = ("<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>")
_KEY = '"errorType": "'


def posted_error_type(reply: object) -> str:
    """`errorType` of an error reply, as the runtime client hands it over: an object or its JSON.

    In the JSON it is found without parsing, which would take as long as the traceback is: a quote
    inside a text is escaped there, so the key cannot stand in the message that precedes it.
    """
    if isinstance(reply, dict):
        word = reply.get("errorType")
        return word[:MAX_TYPE] if isinstance(word, str) and word else "Error"
    if isinstance(reply, str):
        word = reply.partition(_KEY)[2][: MAX_TYPE + 1].partition('"')[0]
        return word[:MAX_TYPE] or "Error"
    return "Error"


def without_frames_of(
    folders: tuple[str, ...], loader: str, frames: Sequence[Frame]
) -> list[Frame]:
    """The frames but for those of files in `folders`.

    Python takes the import system's own frames out of a traceback where they end in the execution
    of a module. A frame of ours from `loader` stands in between and keeps it from taking out those
    above: they go too, if those below are gone.
    """
    kept: list[Frame] = []
    for position, frame in enumerate(frames):
        if not frame[0].startswith(folders):
            kept.append(frame)
        elif frame[0] == loader and frame[2] == "exec_module":
            below = frames[position + 1][0] if position + 1 < len(frames) else ""
            while below not in _IMPORT_SYSTEM and kept and kept[-1][0] in _IMPORT_SYSTEM:
                kept.pop()
    return kept
