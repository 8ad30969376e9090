"""The last words about what was lost or failed inside: nothing of that may stay unsaid."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from conntrace.analyzer.server import Server
    from conntrace.analyzer.summary import Summary


def closing_lines(summary: Summary, server: Server, left_out: int) -> Iterator[str]:
    """One line for each kind of loss; none when all went well.

    `left_out`: requests and events for which there was neither room nor time.
    """
    lost = left_out + summary.dropped
    if lost:
        yield (
            f"{lost:,} requests or events were left out, for want of room or time [events-left-out]"
        )
    failures = server.failures + summary.failures
    if failures:
        detail = f" (last: {server.failure})" if server.failure else ""
        yield f"conntrace failed on {failures:,} events{detail} [agent-failure]"
    if summary.switched_off:
        places = ", ".join(summary.switched_off)
        yield f"switched off after repeated failures: {places} [hook-switched-off]"
    unread = server.garbage + summary.bad_lines
    if unread:
        yield f"{unread:,} packets or lines were not understood and left out [bad-events]"
