"""The findings as JUnit XML, which build servers show: one test case for each finding."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TextIO
from xml.etree import ElementTree

from conntrace import catalogue
from conntrace import semantic_names as names
from conntrace.report.baseline import Allowed, is_allowed
from conntrace.report.findings import finding_id
from conntrace.report.load import Loaded
from conntrace.report.tally import Key
from conntrace.report.traffic import Sums
from conntrace.report.units import duration

# What XML 1.0 cannot hold, not even escaped (its section 2.2).
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(told: Loaded, stream: TextIO, allowed: Sequence[Allowed] = ()) -> None:
    """An avoidable finding is a failure, one that the baseline allows is skipped, others pass."""
    findings = told.tally.by_finding()
    suite = ElementTree.Element("testsuite", name="conntrace", tests=str(len(findings)))
    for key, sums in findings.items():
        _case(suite, key, sums, is_allowed(key, allowed))
    failures = len(suite.findall("testcase/failure"))
    skipped = len(suite.findall("testcase/skipped"))
    suite.attrib.update(failures=str(failures), errors="0", skipped=str(skipped))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    stream.write('<?xml version="1.0" encoding="utf-8"?>\n')
    stream.write(ElementTree.tostring(root, encoding="unicode") + "\n")


def _case(suite: ElementTree.Element, key: Key, sums: Sums, allowed: bool) -> None:
    cause, destination, place = key
    where = f" at {place}" if place.path else ""
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname=_text(f"conntrace.{destination}"),
        name=_text(f"{cause}{where} [{finding_id(*key)}]"),
        time=f"{sums.cost_ms / 1000:.6f}",
    )
    if not sums.avoidable_ms:
        return
    message = f"{catalogue.title(cause)}: {sums.count} ×, {duration(sums.avoidable_ms)} avoidable"  # noqa: RUF001
    if allowed:
        ElementTree.SubElement(case, "skipped", message=_text(f"in the baseline: {message}"))
        return
    failure = ElementTree.SubElement(case, "failure", type=cause, message=_text(message))
    if sums.example is not None:
        told = (sums.example.text(name) for name in (names.CAUSE_DETAIL, names.CAUSE_ADVICE))
        failure.text = _text("\n".join(each for each in told if each))


def _text(value: str) -> str:
    return _NOT_XML.sub("\ufffd", value)
