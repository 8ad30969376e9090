"""docs/lambda.md says what the tables and the layer's files say."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripts import generate_docs

from conntrace import settings_table
from conntrace.messages import MESSAGES

CHECKOUT = Path(__file__).parents[2]
PAGE = (CHECKOUT / "docs" / "lambda.md").read_text(encoding="utf-8")
SLUG = re.compile(r"\[([a-z]+(?:-[a-z0-9]+)+)\](?=[\"'\s]|$)", re.MULTILINE)
# Span files are what `conntrace run -o` writes.
NOT_IN_LAMBDA = {"CONNTRACE_FILE_MAX_BYTES"}


def section(title: str) -> str:
    """The text below a heading, up to the next one of its level."""
    start = PAGE.index(f"\n## {title}\n")
    end = PAGE.find("\n## ", start + 1)
    return PAGE[start:end] if end >= 0 else PAGE[start:]


def rows(text: str) -> Iterator[list[str]]:
    """Cells of the table rows in a text."""
    for line in text.splitlines():
        if line.startswith("| ") and line.endswith(" |"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def test_every_setting_is_there_with_its_default() -> None:
    listed = {names: default for names, default, *_ in rows(section("Settings")) if default != ""}
    expected = {}
    for setting in settings_table.TABLE:
        if not setting.internal and not NOT_IN_LAMBDA & set(setting.names):
            names, _, default, _ = generate_docs._setting_row(setting)
            expected.setdefault(names, default)
    endpoint = [f"`OTEL_EXPORTER_OTLP_{which}ENDPOINT`" for which in ("TRACES_", "")]
    assert [expected.pop(name) for name in endpoint] == ["not set", "not set"]
    expected[", ".join(endpoint)] = "not set"
    assert expected.items() <= listed.items()
    assert {name for name in listed if "CONNTRACE_" in name} <= set(expected)


def test_troubles_are_named_as_the_messages_are() -> None:
    named = set(re.findall(r"messages\.md#([a-z-]+)", PAGE))
    assert named <= set(MESSAGES)


def test_every_message_of_the_layer_is_there() -> None:
    said: set[str] = set()
    for folder in ("layer", "src"):
        for path in (CHECKOUT / "lambda_extension" / folder).rglob("*"):
            if path.is_file() and path.suffix != ".pyc":
                said |= set(SLUG.findall(path.read_text(encoding="utf-8")))
    assert "layer-untraced" in said
    assert said & set(MESSAGES) <= set(re.findall(r"messages\.md#([a-z-]+)", PAGE))


@pytest.mark.parametrize("page", ["docs/lambda.md", "examples/deploy/README.md"])
def test_links_lead_somewhere(page: str) -> None:
    path = CHECKOUT / page
    text = path.read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]+))?\)", text):
        linked = (path.parent / target).resolve() if target else path
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
            assert anchor in anchors, f"{target}#{anchor}"


def test_paths_in_dist_are_what_the_build_writes(tmp_path: Path) -> None:
    """In the page and in all examples."""
    command = [sys.executable, "-m", "lambda_extension.build", "--to", tmp_path / "dist"]
    subprocess.run(command, cwd=CHECKOUT, check=True, timeout=100, capture_output=True)
    examples = (CHECKOUT / "examples" / "deploy").rglob("*")
    files = [path for path in examples if path.is_file() and path.suffix != ".pyc"]
    texts = [PAGE, *(path.read_text(encoding="utf-8") for path in files)]
    named = {path for text in texts for path in re.findall(r"\bdist/[\w/.-]*\w", text)}
    assert {"dist/conntrace-layer.zip", "dist/layer/opt"} <= named
    missing = {path for path in named if not (tmp_path / path).exists()}
    assert missing == {"dist/conntrace-layer-protobuf.zip"}, "only the other flavour is not built"


def test_variables_are_spelled_right() -> None:
    """Each variable on the page is one of conntrace's, of Lambda's, or of proxies."""
    known = {name for setting in settings_table.TABLE for name in setting.names}
    used = set(re.findall(r"\b(?:CONNTRACE|OTEL)_[A-Z_]+\b", PAGE))
    assert used <= known
