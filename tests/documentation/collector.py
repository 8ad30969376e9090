"""Every command line that README, CONTRIBUTING, docs and the READMEs of folders show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDERS = ("benchmarks", "examples", "lambda_extension", "tests")
PAGES = [
    CHECKOUT / "README.md",
    CHECKOUT / "CONTRIBUTING.md",
    *sorted(CHECKOUT.glob("docs/*.md")),
    *sorted(page for folder in FOLDERS for page in (CHECKOUT / folder).rglob("README.md")),
]
PROGRAMS = (
    *("conntrace", "make", "pip", "python", "python3", "pytest", "opentelemetry-instrument"),
    *(
        "aws",
        "sam",
        "cdk",
        "terraform",
        "serverless",
        "docker",
        "uv",
        "npm",
        "npx",
        "other-program",
    ),
    *("bash", "sh", "git", "curl", "unzip", "cd", "export", "gunicorn", "java", "jaeger"),
    *(".ci/run", "attach.sh", "detach.sh", "examples/deploy/aws-cli/"),
)
_ASSIGNMENTS = re.compile(r"^(?:[A-Z_]+=\S+ +)+(?=[a-z])")
_EXPLANATION = re.compile(r"\s{3,}.*$|\s+# .*$")


class Command(NamedTuple):
    """A line of a block, or a piece of code within a sentence, that begins with a program."""

    page: str
    line: str
    in_block: bool


def commands() -> list[Command]:
    """All of them, continuations joined, explanations at the end left out, no line twice."""
    return list(dict.fromkeys(found for page in PAGES for found in _of_page(page)))


def _of_page(page: Path) -> Iterator[Command]:
    name = str(page.relative_to(CHECKOUT))
    text = re.sub(r"\\\n\s*", "", page.read_text(encoding="utf-8"))
    fenced = False
    for line in text.splitlines():
        if line.strip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            bare = _EXPLANATION.sub("", line.strip())
            if begins_with_a_program(bare):
                yield Command(name, bare, True)
        else:
            for code in re.findall(r"`([^`]+)`", line):
                if begins_with_a_program(code) and " " in code:
                    yield Command(name, code, False)


def begins_with_a_program(line: str) -> bool:
    """Variables before it do not count."""
    word = _ASSIGNMENTS.sub("", line).partition(" ")[0]
    return any(
        word.startswith(program) if program.endswith("/") else word == program
        for program in PROGRAMS
    )
