"""Compiled parts are cut to what is loaded."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from lambda_extension.shared_objects import loaded_part
from lambda_extension.wheels import files_of, wrapt_wheels

LOADED, DYNAMIC = 1, 2


def originals() -> list[tuple[str, bytes]]:
    """The compiled parts as their authors ship them."""
    files = [each for wheel in wrapt_wheels() for each in files_of(wheel)]
    found = [each for each in files if each[0].endswith(".so")]
    assert found
    return found


def segments(content: bytes) -> list[tuple[int, bytes]]:
    """Kind and content of each segment."""
    (first,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    headers = [
        struct.unpack_from("<IIQQQQQQ", content, first + number * size) for number in range(count)
    ]
    return [(each[0], content[each[2] : each[2] + each[5]]) for each in headers]


def test_all_that_is_loaded_stays() -> None:
    """Every loaded segment is as it was, and the rest is most of the file."""
    for name, content in originals():
        cut = loaded_part(content)
        assert len(cut) < 0.6 * len(content), name
        before = [each for each in segments(content) if each[0] in (LOADED, DYNAMIC)]
        after = [each for each in segments(cut) if each[0] in (LOADED, DYNAMIC)]
        header = slice(64, None)
        assert before[0][1][header] == after[0][1][header]
        assert before[1:] == after[1:]


def test_the_section_table_is_gone() -> None:
    """Tools that look for it find none, rather than one behind the end of the file."""
    for _, content in originals():
        cut = loaded_part(content)
        assert struct.unpack_from("<Q", cut, 40) == (0,)
        assert struct.unpack_from("<HH", cut, 60) == (0, 0)


def test_twice_is_once() -> None:
    """What is cut already stays as it is."""
    for _, content in originals():
        assert loaded_part(content) == loaded_part(loaded_part(content))


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"\x7fELF\x01\x01" + bytes(100)])
def test_another_kind_of_file(content: bytes) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="ELF"):
        loaded_part(content)


def test_cut_parts_are_in_the_layer(opt: Path) -> None:
    """The layer has these very bytes."""
    folder = opt / "conntrace.d" / "agent" / "conntrace_wrapt"
    for name, content in originals():
        assert (folder / name.rpartition("/")[2]).read_bytes() == loaded_part(content)
