"""What a file is packed or written in, told by its first bytes."""

from __future__ import annotations

import codecs
import gzip
from io import BufferedReader
from typing import BinaryIO, cast

TELLING_BYTES = 1024
_GZIP = b"\x1f\x8b"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_NOT_UNPACKED = {
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"PK\x03\x04": "zip",
}
_LENGTH_BYTES = 4
"""The Collector's file exporter writes each packed message after its length."""


def unpacked(handle: BinaryIO) -> BinaryIO:
    """The same, or what is in it: CloudWatch exports to S3 are packed with gzip, and PowerShell
    writes the output of a program as UTF-16."""
    begins = handle.peek(2)[:2] if isinstance(handle, BufferedReader) else b""
    if begins == _GZIP:
        return cast(BinaryIO, gzip.GzipFile(fileobj=handle))
    if begins in _UTF_16:
        return cast(BinaryIO, codecs.EncodedFile(handle, "utf-8", "utf-16", errors="replace"))
    return handle


def why_unreadable(beginning: bytes) -> str:
    """What such a file holds that cannot be lines of JSON; empty when it may be text."""
    for magic, name in _NOT_UNPACKED.items():
        if beginning.startswith(magic) or beginning[_LENGTH_BYTES:].startswith(magic):
            return f"packed with {name}, which is not read here: unpack it first"
    if b"\0" in beginning:
        return "binary data, where lines of JSON are wanted"
    return ""
