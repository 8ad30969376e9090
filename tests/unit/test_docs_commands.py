"""The commands that README and docs name can be given like that; what they link to is there."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from conntrace.cli.commands import COMMANDS, group
from conntrace.cli.run_options import parse
from conntrace.errors import UsageError

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = sorted([CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *CHECKOUT.glob("docs/*.md")])
# Words before a command line that are not part of it.
ASSIGNMENT = re.compile(r"^[A-Z_]+=\S+$")
COMMENT = re.compile(r"\s{3,}.*$")


def lines() -> Iterator[tuple[Path, str]]:
    """Lines of code blocks, continuations joined, explanations at their end left out."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in text.splitlines():
            if line.startswith("    "):
                bare = line.strip()
                yield page, COMMENT.sub("", bare).partition("  #")[0]
            yield from ((page, code) for code in re.findall(r"`([^`]+)`", line))


def commands(program: str) -> list[tuple[str, list[str]]]:
    """The words of each command line that calls `program`, with the page's name."""
    found = []
    for page, line in lines():
        try:
            words = shlex.split(line)
        except ValueError:
            continue  # a sentence with an apostrophe
        while words and ASSIGNMENT.match(words[0]):
            words = words[1:]
        if words and words[0] == program and len(words) > 1:
            found.append((page.name, words[1:]))
    return found


CONNTRACE = [each for each in commands("conntrace") if each[1][0] in ("run", *COMMANDS)]


@pytest.mark.parametrize(("page", "words"), CONNTRACE, ids=lambda value: str(value)[:60])
def test_a_command_of_ours_is_understood(page: str, words: list[str]) -> None:
    """Options exist and take what is given; nothing is run. A sentence may name a part only."""
    name, *rest = words
    if name == "run":
        with contextlib.suppress(UsageError) if len(rest) < 3 else contextlib.nullcontext():
            parse(rest)
        return
    command = group.get_command(click.Context(group), name)
    assert command is not None
    known = {option for each in command.params for option in each.opts}
    assert {
        word.partition("=")[0] for word in rest if word.startswith("-") and word != "-"
    } <= known
    partly = len(rest) < 2
    with contextlib.suppress(click.UsageError) if partly else contextlib.nullcontext():
        command.make_context(name, list(rest)).close()


def test_enough_commands_were_found() -> None:
    assert len(CONNTRACE) > 25
    assert {words[0] for _, words in CONNTRACE} >= {"run", "report", "probe", "lambda", "doctor"}


def test_make_targets_are_there() -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+(?:-[a-z]+)*):", makefile, re.MULTILINE))
    assert re.search(r"^lab-%:", makefile, re.MULTILINE)
    named = {words[0] for _, words in commands("make") if re.fullmatch(r"[a-z-]+", words[0])}
    assert len(named) > 8
    assert {name for name in named if not name.startswith("lab-")} <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target, _, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(#([^)]+))?\)", text):
        linked = (page.parent / target).resolve() if target else page
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
            assert anchor in anchors, f"{target}#{anchor}"
