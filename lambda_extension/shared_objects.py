"""Cuts a shared object down to what the dynamic linker loads, on any machine for any other.

Debug information, symbol names for debuggers and the section table stand behind the last loaded
segment. `strip` does the same, but each `strip` knows few architectures and versions differ.
"""

from __future__ import annotations

import struct

_MAGIC_64_BIT_LITTLE_ENDIAN = b"\x7fELF\x02\x01"
_PROGRAM_HEADER_OFFSET = 32
_SECTION_HEADER_OFFSET = 40
_PROGRAM_HEADER_SIZES = 54
_SECTION_HEADER_COUNTS = 60
_LOADED = 1


def loaded_part(content: bytes) -> bytes:
    """The object without what is never loaded.

    Raises:
        ValueError: It is not a 64-bit little-endian ELF file.
    """
    if content[:6] != _MAGIC_64_BIT_LITTLE_ENDIAN:
        raise ValueError("not a 64-bit little-endian ELF file")
    (first,) = struct.unpack_from("<Q", content, _PROGRAM_HEADER_OFFSET)
    size, count = struct.unpack_from("<HH", content, _PROGRAM_HEADER_SIZES)
    end = first + size * count
    for index in range(count):
        kind, _, offset, _, _, length = struct.unpack_from("<IIQQQQ", content, first + index * size)
        if kind == _LOADED:
            end = max(end, offset + length)
    kept = bytearray(content[:end])
    struct.pack_into("<Q", kept, _SECTION_HEADER_OFFSET, 0)
    struct.pack_into("<HH", kept, _SECTION_HEADER_COUNTS, 0, 0)
    return bytes(kept)
