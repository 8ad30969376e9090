"""Puts the page together: template, style, script and data, in one file."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from typing import TextIO

from conntrace.report.html.data import page_data
from conntrace.report.load import Loaded

_SCRIPTS = (
    "tools.js",
    "lanes.js",
    "drawing.js",
    "marks.js",
    "table.js",
    "panel.js",
    "summary.js",
    "filters.js",
    "app.js",
)
"""One program in this order: what runs at once needs what stands before it."""


def write_html(told: Loaded, stream: TextIO) -> None:
    """Write the page. Only its own script and style may run: the policy names their hashes."""
    style = _asset("page.css")
    joined = "".join(_asset(name) for name in _SCRIPTS)
    script = f'"use strict";(() => {{\n{joined}}})();\n'
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}';"
        " base-uri 'none'; form-action 'none'"
    )
    # "<" cannot end the data block, or begin a comment in it, when it is spelled out.
    data = json.dumps(page_data(told), ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    parts = {
        "@POLICY@": policy,
        "@STYLE@": style,
        "@DATA@": data.replace("<", "\\u003c"),
        "@SCRIPT@": script,
    }
    rest = _asset("page.html")
    for mark, text in parts.items():
        before, _, rest = rest.partition(mark)
        stream.write(before)
        stream.write(text)
    stream.write(rest)


def _asset(name: str) -> str:
    return files("conntrace.report.html").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
