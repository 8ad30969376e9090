"""The last lines of a run. Nothing recorded must never look like nothing wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conntrace.cli.silence import why_silent

if TYPE_CHECKING:
    from conntrace.analyzer.server import Server
    from conntrace.analyzer.summary import Summary
    from conntrace.cli.span_outputs import SpanOutputs


def closing_lines(
    summary: Summary, server: Server, outputs: SpanOutputs, command: list[str]
) -> list[str]:
    """What was lost, if anything, and the one line on how the run was."""
    lines = _losses(summary, server)
    if summary.processes == 0:
        lines.append(f"nothing was recorded: {why_silent(command)} [nothing-recorded]")
        return lines
    report = "none" if outputs.empty else "the report above"
    lines.append(summary_line(summary, outputs.places or [report]))
    return lines


def summary_line(summary: Summary, places: list[str]) -> str:
    """Processes, requests, connections, the avoidable ones, dropped, and where the spans are."""
    parts = [
        counted(summary.processes, "process", "processes"),
        counted(summary.requests, "request", "requests"),
        counted(summary.connections, "connection", "connections"),
        f"{summary.findings:,} avoidable",
        f"{summary.dropped:,} dropped",
    ]
    return f"{' · '.join(parts)} · spans: {', '.join(places)}"


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many}"


def _losses(summary: Summary, server: Server) -> list[str]:
    lines = []
    if server.failures or summary.failures:
        count = server.failures + summary.failures
        detail = f" (last: {server.failure})" if server.failure else ""
        lines.append(f"conntrace failed on {count} events{detail} [agent-failure]")
    if summary.switched_off:
        places = ", ".join(summary.switched_off)
        lines.append(f"switched off after repeated failures: {places} [hook-switched-off]")
    if server.garbage or summary.bad_lines:
        count = server.garbage + summary.bad_lines
        lines.append(f"{count} packets or lines were not understood and left out [bad-events]")
    return lines
