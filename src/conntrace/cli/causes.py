"""`conntrace causes [ID]`: what an id means, how it is decided, what to do and what not."""

from __future__ import annotations

import click
from rich.console import Console
from rich.text import Text

from conntrace.catalogue import CAUSES, FAMILIES, CauseText
from conntrace.errors import UsageError
from conntrace.recipes import Recipe, recipes_for

_INDENT = "  "


@click.command("causes", short_help="What the causes mean and what to do about them.")
@click.argument("name", required=False, metavar="[ID]")
def command(name: str | None) -> None:
    """List all causes, or explain the one with this ID."""
    console = Console(highlight=False)
    if name is None:
        _show_all(console)
        return
    cause = CAUSES.get(name)
    if cause is None:
        raise UsageError("unknown-cause", f"there is no cause {name!r}{_hint(name)}")
    _show(console, cause)


def _hint(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, CAUSES, n=1)
    return f"; did you mean {close[0]}?" if close else "; conntrace causes lists them"


def _show_all(console: Console) -> None:
    for family, meaning in FAMILIES.items():
        console.print(Text(f"{family}  {meaning}", style="bold"))
        for cause in CAUSES.values():
            if cause.family == family:
                console.print(Text(f"   {cause.id:<30} {cause.title}"), overflow="fold")
        console.print()


def _show(console: Console, cause: CauseText) -> None:
    _paragraph(console, Text.assemble((cause.id, "bold"), " ", cause.title), indent="")
    for heading, text in (
        ("What it means", cause.meaning),
        ("How it is decided", cause.how),
        ("What to do", cause.advice),
        ("What not to do", cause.do_not),
    ):
        if text:
            console.print()
            console.print(Text(heading, style="bold"))
            _paragraph(console, text)
    for recipe in recipes_for(cause.id):
        _show_recipe(console, recipe)


def _paragraph(console: Console, text: str | Text, indent: str = _INDENT) -> None:
    """Without spaces at the ends of lines, which a copy would take along."""
    told = Text(text) if isinstance(text, str) else text
    for line in told.wrap(console, console.width - len(indent)):
        line.rstrip()
        console.print(Text(indent).append_text(line))


def _show_recipe(console: Console, recipe: Recipe) -> None:
    console.print()
    _paragraph(console, Text(f"Recipe: {recipe.title}", style="bold"), indent="")
    _paragraph(console, recipe.note)
    console.print()
    # As it stands: nothing before the lines, and none broken, so that it can be copied.
    click.echo(recipe.code, nl=False)
