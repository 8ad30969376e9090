"""A progress bar on standard error while much is read; nothing when that is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO, TypeVar

Advance = Callable[[int], None]
Item = TypeVar("Item")

_LOOK_EVERY = 2000


@contextmanager
def progress(
    total: int, stream: TextIO | None = None, *, in_bytes: bool = True
) -> Iterator[Advance]:
    """Give a function that is told how much more was read; a total of 0 stands for unknown."""
    stream = stream or sys.stderr
    if not stream.isatty():
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    amount = DownloadColumn() if in_bytes else TaskProgressColumn()
    columns = (TextColumn("reading"), BarColumn(), amount, TimeRemainingColumn())
    with Progress(*columns, console=Console(file=stream), transient=True) as bar:
        task = bar.add_task("reading", total=total or None)
        yield lambda count: bar.advance(task, count)


def watched(items: Iterable[Item], read: Callable[[], int], advance: Advance) -> Iterator[Item]:
    """Hand the items on; now and then tell how much `read` has grown."""
    told = 0
    for number, item in enumerate(items, start=1):
        yield item
        if number % _LOOK_EVERY == 0:
            now = read()
            advance(now - told)
            told = now
