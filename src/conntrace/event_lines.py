"""How the traced process writes events: one function for each kind, giving the finished line.

Kept apart from `conntrace.events` because the classes there cost about 10 ms to define and the
traced program needs only to write. `%`-formatting of bytes is used on purpose: 0.7 us for a line,
where json took 4.5 to 7.5 us. A test holds each function's parameters against the fields of its
class.
"""

from __future__ import annotations

from collections.abc import Sequence

MAX_LINE = 4096
MAX_TEXT = 1024
CUT_MARK = "…"
LIST_SEPARATOR = "\x1f"


def text(value: str) -> bytes:
    """Escape one text field; longer than MAX_TEXT characters is cut and marked."""
    if len(value) > MAX_TEXT:
        value = value[: MAX_TEXT - 1] + CUT_MARK
    if "\\" in value or not value.isprintable():
        value = (
            value.replace("\\", "\\\\")
            .replace("\t", "\\t")
            .replace("\n", "\\n")
            .replace("\r", "\\r")
            .replace("\x1f", " ")
        )
    return value.encode("utf-8", "backslashreplace")


_known: dict[str, bytes] = {}
_MAX_KNOWN = 1000
_MAX_KNOWN_TEXT = 200


def known(value: str) -> bytes:
    """Escape a text that comes again and again: a host, a file, a word of our own."""
    escaped = _known.get(value)
    if escaped is None:
        escaped = text(value)
        if len(value) <= _MAX_KNOWN_TEXT and len(_known) < _MAX_KNOWN:
            _known[value] = escaped
    return escaped


def texts(values: Sequence[str]) -> bytes:
    """Escape a list field; items beyond MAX_TEXT bytes in all are left out and marked."""
    parts: list[bytes] = []
    size = 0
    for value in values:
        part = text(value)
        size += len(part) + 1
        if size > MAX_TEXT:
            parts.append(CUT_MARK.encode())
            break
        parts.append(part)
    return b"\x1f".join(parts)


def line(kind: bytes, *values: object) -> bytes:
    """Build a line from values of any field type; the general way, for events that are rare.

    Nearly always nothing needs an escape, which one look at the joined line shows: 2 us instead of
    6 for 20 fields.
    """
    joined = "\t".join(
        [
            value if type(value) is str else str(value) if type(value) is int else _plain(value)
            for value in values
        ]
    )
    if (
        len(joined) > MAX_TEXT
        or joined.count("\t") != len(values) - 1
        or "\\" in joined
        or "\n" in joined
        or "\r" in joined
    ):
        return _escaped_line(kind, values)
    return kind + b"\t" + joined.encode("utf-8", "backslashreplace")


def _plain(value: object) -> str:
    """A value that is neither text nor number; a line feed asks for the careful way."""
    if value is None or value is False:
        return ""
    if value is True:
        return "1"
    if isinstance(value, (list, tuple)):
        # An item with a separator of its own shows as a line feed, which nothing plain holds.
        return LIST_SEPARATOR.join([item.replace(LIST_SEPARATOR, "\n") for item in value])
    return "\n"


def _escaped_line(kind: bytes, values: Sequence[object]) -> bytes:
    parts = [kind]
    for value in values:
        if value is None or value is False:
            parts.append(b"")
        elif value is True:
            parts.append(b"1")
        elif isinstance(value, int):
            parts.append(b"%d" % value)
        elif isinstance(value, str):
            parts.append(text(value))
        elif isinstance(value, (list, tuple)):
            parts.append(texts(value))
        else:
            raise TypeError(f"an event field cannot hold {type(value).__name__}")
    return bounded(b"\t".join(parts))


def bounded(written: bytes) -> bytes:
    """The line itself when it has at most MAX_LINE bytes, as nearly all have."""
    return written if len(written) <= MAX_LINE else _shortened(written.split(b"\t"))


def _shortened(parts: list[bytes]) -> bytes:
    """Halve the longest field until the line fits; each cut field ends in the mark."""
    mark = CUT_MARK.encode()
    while sum(map(len, parts)) + len(parts) > MAX_LINE:
        longest = max(range(1, len(parts)), key=lambda index: len(parts[index]))
        kept = parts[longest][: len(parts[longest]) // 2].decode("utf-8", "ignore").rstrip("\\")
        parts[longest] = kept.encode() + mark
    return b"\t".join(parts)
