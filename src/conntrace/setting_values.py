"""How the text of an environment variable becomes a value: one reader for each form.

Each raises `ValueError` for text that it does not take.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def flag(text: str) -> bool:
    """`true` or `false`, `1` or `0`, `yes` or `no`, `on` or `off`; in either case of letters."""
    lowered = text.lower()
    if lowered in ("true", "1", "yes", "on"):
        return True
    if lowered in ("false", "0", "no", "off"):
        return False
    raise ValueError


def otel_flag(text: str) -> bool:
    """Only `true` is true: "Boolean value", OpenTelemetry environment variable specification."""
    lowered = text.lower()
    if lowered in ("true", "false"):
        return lowered == "true"
    raise ValueError


def words_of(*known: str) -> Callable[[str], frozenset[str]]:
    """A reader for any of these words, with commas between them."""

    def read(text: str) -> frozenset[str]:
        words = frozenset(word.strip().lower() for word in text.split(",") if word.strip())
        if not words.issubset(known):
            raise ValueError
        return words

    return read


def one_of(*known: str) -> Callable[[str], str]:
    """A reader for one of these words."""

    def read(text: str) -> str:
        lowered = text.lower()
        if lowered not in known:
            raise ValueError
        return lowered

    return read


def size(text: str) -> int:
    """Bytes above 0, also with K, M or G behind the number (1024, 1024² or 1024³ of them)."""
    factor = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(text[-1].upper())
    number = int(text[:-1] if factor else text) * (factor or 1)
    if number <= 0:
        raise ValueError
    return number


def ratio(text: str) -> float:
    """A number from 0 to 1."""
    number = float(text)
    if not 0.0 <= number <= 1.0:
        raise ValueError
    return number


def timeout(text: str) -> float:
    """Seconds from milliseconds, or from seconds when the number is too small to be milliseconds.

    OpenTelemetry's specification says milliseconds; its Python SDK (1.45) reads seconds. No
    exporter can work within 100 ms and no one waits for minutes, so the number itself tells.
    """
    number = float(text)
    if not 0 < number < float("inf"):
        raise ValueError
    return number if number < 100 else number / 1000


def pairs(text: str) -> tuple[tuple[str, str], ...]:
    """`key=value,key=value` with percent-encoded values (W3C Baggage without properties)."""
    found = []
    for item in text.split(","):
        if not item.strip():
            continue
        key, equals, value = item.partition("=")
        key, value = key.strip(), value.strip()
        if not equals or not key or not key.isascii() or any(c.isspace() for c in key):
            raise ValueError
        if "%" in value:
            from urllib.parse import unquote

            value = unquote(value)
        if "\n" in value or "\r" in value:
            raise ValueError
        found.append((key, value))
    return tuple(found)


def endpoint(text: str) -> str:
    """A URL with http or https, or `host:port` (gRPC); given back as it stands."""
    scheme, separator, rest = text.partition("://")
    if separator and (scheme.lower() not in ("http", "https") or rest[:1] in ("", "/", ":")):
        raise ValueError
    if not separator and ":" not in text:
        raise ValueError
    return text
