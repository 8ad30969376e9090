"""Which spans were there before, in a table of bits of fixed size, however many there are.

The table (a Bloom filter) never takes a span that returns for a new one. It takes a new one for one
that returns about once in 30,000 spans when it is full to its limit, and hardly ever before.
"""

from __future__ import annotations

import mmap
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b

from conntrace.report.record import SpanRecord

LEAST_BYTES = 1024 * 1024
MOST_BYTES = 64 * 1024 * 1024
"""About 50 bits a span at ten million spans."""

_INPUT_BYTES_A_BYTE = 40
"""A span takes some 350 bytes of a file, and 64 bits of the table."""


class Seen:
    """A table of bits. Several processes may share one: then it lies in a file."""

    def __init__(self, table: mmap.mmap) -> None:
        self._table = table
        self._bits = len(table) * 8

    @classmethod
    def of_file(cls, path: str) -> Seen:
        """The table that `shared_table` made."""
        with open(path, "r+b") as handle:
            return cls(mmap.mmap(handle.fileno(), 0))

    @classmethod
    def alone(cls, input_bytes: int) -> Seen:
        """A table for this process; 0 stands for input of unknown size."""
        return cls(mmap.mmap(-1, size_for(input_bytes)))

    def is_new(self, span: SpanRecord) -> bool:
        """Whether it comes for the first time; from now on it has been seen."""
        name = f"{span.trace_id}{span.span_id}".encode("utf-8", "surrogatepass")
        table, new = self._table, False
        for number in struct.unpack("<4I", blake2b(name, digest_size=16).digest()):
            at, bit = divmod(number % self._bits, 8)
            if not table[at] & 1 << bit:
                table[at] |= 1 << bit
                new = True
        return new


def size_for(input_bytes: int) -> int:
    """Bytes of a table for that much input; 0 stands for an unknown amount."""
    wanted = input_bytes // _INPUT_BYTES_A_BYTE if input_bytes else MOST_BYTES // 2
    return max(LEAST_BYTES, min(MOST_BYTES, wanted))


@contextmanager
def shared_table(input_bytes: int) -> Iterator[str]:
    """The path of a new table, which goes when the block ends."""
    with tempfile.NamedTemporaryFile(prefix="conntrace-seen-") as handle:
        handle.truncate(size_for(input_bytes))
        yield handle.name
