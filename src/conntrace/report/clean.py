"""Makes text from spans safe to show: no control characters, no endless strings, nothing hidden."""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len, set_cell_size

MAX_CHARACTERS = 400
"""More of one text is never shown."""

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"})


def clean(text: str, limit: int = MAX_CHARACTERS) -> str:
    """The text on one line, with every control, direction or invisible character spelled out."""
    cut = len(text) > limit
    shown = "".join(map(_visible, text[: limit - 1] if cut else text))
    return shown + "…" if cut else shown


def shorten(text: str, cells: int) -> str:
    """Clean text cut at its end to the given width in terminal cells."""
    if cell_len(text) <= cells:
        return text
    return set_cell_size(text, cells - 1).rstrip() + "…" if cells > 0 else ""


def shorten_path(path: str, parts: int = 2) -> str:
    """The last parts of a file path: enough to find it, short enough to read."""
    pieces = [piece for piece in path.replace("\\", "/").split("/") if piece]
    return path if len(pieces) <= parts else "…/" + "/".join(pieces[-parts:])


def shorten_service(name: str) -> str:
    """A service's name, without what OpenTelemetry puts before one that nobody chose."""
    return name.removeprefix("unknown_service:")


def _visible(character: str) -> str:
    if character.isprintable() and unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    if code < 0x100:
        return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(character, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
