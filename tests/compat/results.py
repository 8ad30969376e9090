"""What became of every test, from pytest's report log or regrtest's JUnit file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

PASSED = "passed"
ABSENT = "not run"

# A test's id -> what became of it. Texts hold no addresses and no times, so that they compare:
# "passed", "call skipped (reason)", "call failed (AssertionError)".
Results = dict[str, str]


def is_skip(result: str) -> bool:
    return " skipped" in result


def is_failure(result: str) -> bool:
    return " failed" in result or result == ABSENT


def from_report_log(path: Path) -> Results:
    """pytest-reportlog: one JSON object a line; a reporting phase that passed says nothing."""
    phases: dict[str, dict[str, str]] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        report = json.loads(line)
        kind = report.get("$report_type")
        if kind == "TestReport":
            # A test that a plugin repeats reports again: the last word counts.
            phases.setdefault(report["nodeid"], {})[report["when"]] = phase_text(report)
        elif kind == "CollectReport" and report["outcome"] == "failed":
            phases[report["nodeid"]] = {"collect": "collect failed"}
    return {
        test: "; ".join(filter(None, texts.values())) or PASSED for test, texts in phases.items()
    }


def phase_text(report: dict[str, Any]) -> str:
    if report["outcome"] == PASSED:
        return f"{report['when']} xpassed" if "wasxfail" in report else ""
    return f"{report['when']} {report['outcome']} ({reason(report)})"


def reason(report: dict[str, Any]) -> str:
    detail = report["longrepr"]
    if "wasxfail" in report:
        return "xfail"
    if isinstance(detail, list):
        return str(detail[-1])
    if isinstance(detail, dict):
        return exception_type(detail["reprcrash"]["message"])
    return exception_type(str(detail))


def exception_type(message: str) -> str:
    """The class alone: messages hold ports, times and paths."""
    first = message.splitlines()[0] if message else ""
    return first.split(":")[0].split("(")[0].strip()


def from_junit(path: Path) -> Results:
    """regrtest: a test with a failed subtest has no result, and so no name, in its file."""
    if not path.exists():
        return {}
    cases = ElementTree.parse(path).getroot().iter("testcase")
    return {case.get("name", "(nameless)"): case_text(case) for case in cases}


def case_text(case: ElementTree.Element) -> str:
    for child in case:
        if child.tag == "skipped":
            return f"call skipped ({(child.text or '').strip()})"
        if child.tag in ("failure", "error"):
            return f"call failed ({child.get('type')})"
        if child.tag in ("output", "outcome"):
            return f"call {child.tag} {child.get('type') or child.text}"
    return PASSED
