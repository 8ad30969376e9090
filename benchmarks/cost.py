"""What agents cost: plain, conntrace, OpenTelemetry, Datadog and Sentry, interleaved in one run.

`python benchmarks/cost.py [RUNS] [--docs]`. Quote the ratios: absolute times differ by machine
and by hour. Added CPU is that of the traced process; conntrace's analyzer works in the parent. A
tool that is not installed is left out (`make bench` has all). All figures are kept in
build/benchmarks/cost.json; with --docs the table goes into docs/overhead.md.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
OUTPUT = HERE.parent / "build" / "benchmarks"
PAGE = HERE.parent / "docs" / "overhead.md"
BEGIN, END = "<!-- make bench -->", "<!-- /make bench -->"
# Mode -> the module it needs.
MODES = {
    "plain": "urllib3",
    "conntrace": "conntrace",
    "opentelemetry": "opentelemetry.instrumentation.urllib3",
    "datadog": "ddtrace",
    "sentry": "sentry_sdk",
}
# Figure -> its title, with the unit.
FIGURES = {
    "start": "start to first reply, CPU ms",
    "reused": "request on a reused connection, CPU us",
    "requests": "the same through requests, CPU us",
    "new": "request on a new connection, CPU us",
    "memory": "memory at the end, MB",
}
QUIET = {
    "DD_CRASHTRACKING_ENABLED": "false",
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "DD_TRACE_AGENT_URL": "http://127.0.0.1:9",
    "DD_TRACE_STARTUP_LOGS": "false",
}

Found = dict[str, dict[str, list[float]]]


def available() -> list[str]:
    """The modes whose tool is here."""
    return [mode for mode, module in MODES.items() if _is_here(module)]


def _is_here(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def run(mode: str, port: str) -> dict[str, float]:
    """The figures of one process."""
    command = [sys.executable, str(HERE / "client.py"), mode, port]
    if mode == "conntrace":
        command = [sys.executable, "-m", "conntrace", "run", "-o", os.devnull, "--", *command]
    ended = subprocess.run(
        command,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **QUIET},
    )
    figures: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return figures


def measure(modes: list[str], runs: int) -> Found:
    """All modes in turn, again and again, so that a slow minute hits all of them."""
    found: Found = {mode: {figure: [] for figure in FIGURES} for mode in modes}
    server = subprocess.Popen(
        [sys.executable, str(HERE / "server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        for _ in range(runs):
            for mode in modes:
                for figure, value in run(mode, port).items():
                    found[mode][figure].append(value)
    finally:
        server.communicate()
    return found


def table(found: Found) -> list[str]:
    """Markdown: what each tool adds to plain (medians), and the share of OpenTelemetry's part."""
    medians = {
        mode: {figure: statistics.median(values) for figure, values in figures.items()}
        for mode, figures in found.items()
    }
    tools = [mode for mode in found if mode != "plain"]
    lines = [f"| | plain | {' | '.join(tools)} |", f"|---|{'---|' * (len(tools) + 1)}"]
    for figure, title in FIGURES.items():
        plain = medians["plain"][figure]
        added = {tool: medians[tool][figure] - plain for tool in tools}
        yardstick = added.get("opentelemetry", 0.0)
        cells = [
            _cell(added[tool], yardstick if tool != "opentelemetry" else 0.0) for tool in tools
        ]
        lines.append(f"| {title} | {plain:.0f} | {' | '.join(cells)} |")
    return lines


def _cell(added: float, yardstick: float) -> str:
    share = f" ({added / yardstick:.2f})" if yardstick > 0 else ""
    return f"+{added:.0f}{share}" if added >= 0 else f"{added:.0f}{share}"


def write_into(page: Path, lines: list[str]) -> None:
    """Put the table between the two marks of the page."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin, page
    assert end, page
    page.write_text(f"{before}{BEGIN}\n\n{chr(10).join(lines)}\n\n{END}{after}", encoding="utf-8")


def main() -> None:
    """Measure, keep everything, print the table."""
    numbers = [word for word in sys.argv[1:] if word.isdecimal()]
    runs = int(numbers[0]) if numbers else 5
    found = measure(available(), runs)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "cost.json").write_text(json.dumps({"runs": runs, "figures": found}, indent=1))
    lines = table(found)
    if "--docs" in sys.argv:
        write_into(PAGE, lines)
    print(f"medians of {runs} interleaved runs; in brackets the share of what OpenTelemetry adds\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
