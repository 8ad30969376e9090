"""What is kept while the function runs, and what leaves when there is no room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conntrace_extension.entries import Fact, Lines, Lost
from conntrace_extension.store import Store
from conntrace_extension.thinning import thinned

if TYPE_CHECKING:
    from conntrace_extension.entries import Entry

PROCESS, OTHER = "0123456789abcdef", "fedcba9876543210"
START = b"invocation_start\t1\t1\t7\trequest-1\t0"
END = b"invocation_end\t2\t1\t7\t\t0"


def request(
    number: int, *, outcome: bytes = b"reused", error: bytes = b"", ended: bool = True
) -> list[bytes]:
    """The lines of one request: `conntrace.events`."""
    lines = [
        b"request_start\t1\t1\t%d\t1\tGET\t/\t\t0\t0\t\t" % number,
        b"checkout\t1\t1\t%d\t1\t%b\t1" % (number, outcome),
        b"request_sent\t1\t1\t%d" % number,
    ]
    if ended:
        lines.append(b"request_end\t1\t1\t%d\t200\t%b\t1" % (number, error))
        lines.append(b"lease_end\t1\t1\t1\t1\t%d\tstored\t" % number)
    return lines


def call(number: int, *requests: int, error: bytes = b"") -> list[bytes]:
    """An SDK call around requests."""
    lines = [b"call_start\t1\t1\t%d\tDynamoDB\tPutItem\t\t\t" % number]
    for each in requests:
        lines += [
            b"request_start\t1\t1\t%d\t1\tPOST\t/\t\t0\t%d\t\t" % (each, number),
            *request(each)[1:],
        ]
    return [*lines, b"call_end\t1\t1\t%d\t%b" % (number, error)]


def all_of(store: Store) -> list[Entry]:
    found: list[Entry] = []
    while (entry := store.take()) is not None:
        found.append(entry)
    return found


def lines_of(entries: list[Entry]) -> list[bytes]:
    return [line for entry in entries if isinstance(entry, Lines) for line in entry.lines]


def test_everything_leaves_in_the_order_in_which_it_came() -> None:
    store = Store()
    store.feed(PROCESS, [b"hello\t1"])
    store.add(Fact("PlatformInvoke", request_id="request-1"))
    store.feed(OTHER, [b"hello\t2", b"clock\t2"])
    store.lost(OTHER)
    first, fact, second, lost = all_of(store)
    assert isinstance(first, Lines)
    assert (first.process, first.lines) == (PROCESS, [b"hello\t1"])
    assert isinstance(fact, Fact)
    assert fact.values == {"request_id": "request-1"}
    assert isinstance(second, Lines)
    assert second.lines == [b"hello\t2", b"clock\t2"]
    assert isinstance(lost, Lost)
    assert lost.process == OTHER
    assert (store.size, bool(store)) == (0, False)


def test_an_invocation_is_over_when_its_process_says_so() -> None:
    store = Store()
    store.feed(PROCESS, [START])
    assert store.is_started("request-1")
    assert not store.is_over("request-1")
    store.feed(PROCESS, [END])
    assert store.is_over("request-1")
    assert store.ended_ns("request-1") == 2


def test_when_the_platform_alone_says_that_it_is_over_nobody_knows_since_when() -> None:
    store = Store()
    store.note_over("request-1")
    assert store.is_over("request-1")
    assert store.ended_ns("request-1") == store.ended_ns("request-2") == 0


def test_an_end_that_comes_before_the_platform_told_of_it_still_counts() -> None:
    """The function may be done before the extension has read its event."""
    store = Store()
    store.feed(PROCESS, [START, END])
    store.feed(PROCESS, [START.replace(b"request-1", b"request-2")])
    assert store.is_over("request-1")
    assert not store.is_over("request-2")


def test_an_invocation_is_over_when_its_process_is_gone() -> None:
    store = Store()
    store.feed(PROCESS, [START])
    store.lost(OTHER)
    assert not store.is_over("request-1")
    store.lost(PROCESS)
    assert store.is_over("request-1")


@pytest.mark.parametrize("line", [b"invocation_start", b"invocation_start\t1", b"invocation_end"])
def test_broken_lines_end_nothing(line: bytes) -> None:
    store = Store()
    store.feed(PROCESS, [line])
    assert not store.is_over("")


def test_smooth_requests_on_reused_connections_leave_first() -> None:
    entries: list[Entry] = [
        Lines(PROCESS, request(1)),
        Lines(PROCESS, request(2, outcome=b"new")),
        Lines(PROCESS, request(3, error=b"timed_out")),
        Lines(PROCESS, request(4, ended=False)),
        Fact("PlatformShutdown"),
        Lines(OTHER, request(4)),
    ]
    kept, removed = thinned(entries)
    assert removed == 2
    assert lines_of(list(kept)) == [
        *request(2, outcome=b"new"),
        *request(3, error=b"timed_out"),
        *request(4, ended=False),
        b"left_out\t1\t0\t1",
        b"left_out\t1\t0\t1",
    ]
    assert [type(entry) for entry in kept][-3:] == [Lines, Fact, Lines]


def test_how_many_left_is_told_to_the_invocation_that_they_belong_to() -> None:
    entries: list[Entry] = [
        Lines(PROCESS, [START, *request(1), *request(2)]),
        Lines(PROCESS, [*request(3), END]),
        Lines(PROCESS, [START, *request(4), *request(5, ended=False)]),
        Lost(PROCESS, 0),
    ]
    for _ in range(2):
        kept, removed = thinned(entries)
        entries = list(kept)
        assert lines_of(entries) == [
            START,
            b"left_out\t1\t0\t3",
            END,
            START,
            *request(5, ended=False),
            b"left_out\t1\t0\t1",
        ]
        assert isinstance(entries[-1], Lost)
    assert removed == 0


@pytest.mark.parametrize(
    "line", [b"left_out", b"left_out\t1\t0\t-1", b"left_out\t1\t0\t" + b"9" * 5000]
)
def test_a_count_that_is_none_is_left_to_the_analyzer(line: bytes) -> None:
    kept, removed = thinned([Lines(PROCESS, [line])])
    assert (lines_of(list(kept)), removed) == ([line], 0)


def test_a_call_leaves_with_the_last_of_its_requests() -> None:
    smooth, needed, failed = call(1, 11), call(2, 21), call(3, 31, error=b"ClientError")
    needed[2] = needed[2].replace(b"reused", b"new")
    kept, removed = thinned([Lines(PROCESS, [*smooth, *needed, *failed])])
    assert removed == 2
    assert lines_of(list(kept)) == [*needed, failed[0], failed[-1], b"left_out\t1\t0\t2"]


def test_memory_is_bounded_and_what_has_no_room_is_counted() -> None:
    limit = 100_000
    store = Store(limit)
    for number in range(10_000):
        store.feed(PROCESS, request(number))
        assert store.size <= limit * 5 // 4 + 1000
    kept = sum(line.startswith(b"request_start") for line in lines_of(all_of(store)))
    assert kept + store.left_out == 10_000
    assert kept < 1000


def test_what_cannot_be_thinned_is_left_out_but_for_the_essential() -> None:
    limit = 10_000
    store = Store(limit)
    store.feed(PROCESS, [b"hello\t1"])
    for number in range(1000):
        store.feed(PROCESS, [b"lookup_start\t1\t1\t%d\thost" % number])
    store.feed(PROCESS, [START, b"lookup_start\t1", END])
    lines = lines_of(all_of(store))
    assert lines[0] == b"hello\t1"
    assert lines[-2:] == [START, END]
    lookups = len(lines) - 3
    assert 0 < lookups < 1000
    assert store.left_out == 1001 - lookups
    assert store.is_over("request-1")


def test_no_flood_of_any_kind_grows_without_end() -> None:
    store = Store(10_000)
    for number in range(10_000):
        store.feed(PROCESS, [b"clock\t%d" % number])
    assert store.size < 21_000
    assert store.left_out > 9000


def test_room_comes_back_when_entries_leave() -> None:
    store = Store(10_000)
    for number in range(1000):
        store.feed(PROCESS, [b"lookup_start\t1\t1\t%d\thost" % number])
    before = store.left_out
    all_of(store)
    store.feed(PROCESS, [b"lookup_start\t1\t1\t1\thost"])
    assert store.left_out == before
    assert len(lines_of(all_of(store))) == 1


def test_what_there_is_no_time_for_is_counted() -> None:
    store = Store()
    store.feed(PROCESS, [b"clock\t1", b"clock\t2"])
    store.add(Fact("PlatformShutdown"))
    store.drop_rest()
    assert not store
    assert store.left_out == 2
