"""The reference pages say what the code says, and every message has its entry."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripts import generate_docs
from scripts.span_texts import ATTRIBUTES, SPANS

import conntrace
from conntrace import semantic_names
from conntrace.messages import MESSAGES, Message

SOURCE = Path(conntrace.__file__).parent
LAMBDA = Path(__file__).parents[2] / "lambda_extension"
FILES = sorted(
    path
    for folder in (SOURCE, LAMBDA / "src", LAMBDA / "layer")
    for path in folder.rglob("*.py")
    if path.name != "messages.py"
)
IN_BRACKETS = re.compile(r"\[([a-z]{2,}(?:-[a-z0-9]{2,})+)\]$")


def parsed() -> Iterator[ast.Module]:
    """The modules of the package."""
    for path in FILES:
        yield ast.parse(path.read_text(encoding="utf-8"))


def error_classes() -> set[str]:
    """ConntraceError and what derives from it, by name."""
    classes = {"ConntraceError"}
    defined = [
        node for tree in parsed() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    ]
    while True:
        found = {
            each.name
            for each in defined
            if any(isinstance(base, ast.Name) and base.id in classes for base in each.bases)
        }
        if found <= classes:
            return classes
        classes |= found


def slugs_raised() -> set[str]:
    """The first argument of every error for the user."""
    classes = error_classes()
    found = set()
    for tree in parsed():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in classes:
                slug = node.args[0]
                assert isinstance(slug, ast.Constant), f"{node.func.id} with a computed slug"
                found.add(slug.value)
    return found


def slugs_written() -> set[str]:
    """Slugs in brackets at the end of a text."""
    texts = (
        node.value
        for tree in parsed()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    scripts = (LAMBDA / "layer" / "conntrace", LAMBDA / "layer" / "extensions" / "conntrace")
    quoted = (text for path in scripts for text in path.read_text(encoding="utf-8").split('"'))
    return {match[1] for text in (*texts, *quoted) if (match := IN_BRACKETS.search(text))}


@pytest.mark.parametrize("name", generate_docs.PAGES)
def test_page_is_what_the_tables_say(name: str) -> None:
    """A page is regenerated with its table: make docs."""
    assert generate_docs.PAGES[name]() == (generate_docs.DOCS / name).read_text(encoding="utf-8")


def test_check_only_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` names stale pages and writes none; without it they are written, once."""
    monkeypatch.setattr(generate_docs, "DOCS", tmp_path)
    assert generate_docs.main(["--check"]) == 1
    assert list(tmp_path.iterdir()) == []
    assert generate_docs.main([]) == 0
    assert {path.name for path in tmp_path.iterdir()} == set(generate_docs.PAGES)
    capsys.readouterr()
    assert generate_docs.main(["--check"]) == 0
    assert "".join(capsys.readouterr()) == ""


def test_every_message_is_explained() -> None:
    """Each slug of the code has an entry, and each entry is a slug of the code."""
    assert set(MESSAGES) == slugs_raised() | slugs_written()


@pytest.mark.parametrize("message", MESSAGES.values(), ids=lambda each: each.slug)
def test_an_entry_is_made_of_sentences(message: Message) -> None:
    """What it means and what to do, in whole sentences."""
    for text in (message.meaning, message.remedy):
        assert text[0].isupper() or text[0] == "`"
        assert text[-1] in ".?"


def test_every_name_of_ours_is_explained() -> None:
    """spans.md leaves out no `conntrace.*` attribute, no span and no other attribute."""
    ours = {
        key
        for key, value in vars(semantic_names).items()
        if key.isupper() and str(value).startswith("conntrace.")
    }
    assert set(ATTRIBUTES) == ours
    assert set(SPANS) <= set(vars(semantic_names))
    page = generate_docs.spans()
    names = [value for key, value in vars(semantic_names).items() if key.isupper()]
    missing = [name for name in names if isinstance(name, str) and name not in page]
    assert [name for name in missing if name != semantic_names.SERVER] == []
