"""Writes the reference pages in docs/ from the tables in the code.

    python -m scripts.generate_docs [--check]

With `--check` nothing is written; the exit code is 1 when a page is not what the tables say.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields

from conntrace import catalogue, events, semantic_names, settings_table
from conntrace.messages import MESSAGES
from conntrace.recipes import RECIPES
from scripts.cache import CHECKOUT
from scripts.markdown import code, page, paragraphs, table
from scripts.shell import say
from scripts.span_texts import ATTRIBUTES, SPANS

DOCS = CHECKOUT / "docs"
_TYPE_NAMES = {"tuple[str, ...]": "list"}
_NAME_LINE = re.compile(r'^([A-Z0-9_]+): Final = "(.+)"$')
_SETTING_GROUPS = (
    ("conntrace's own", "CONNTRACE_"),
    ("OpenTelemetry's", "OTEL_"),
)


def messages() -> str:
    """docs/messages.md."""
    return page("Messages", "src/conntrace/messages.py", _message_parts())


def _message_parts() -> Iterator[str]:
    yield (
        "Every message of conntrace is one line that ends with its name in square brackets, such as"
        " `[nothing-recorded]`.\nThis page explains them by that name. Unless an exit code is"
        " named, the command goes on, and your program always does."
    )
    for message in sorted(MESSAGES.values()):
        yield f"## {message.slug}"
        yield message.meaning
        yield f"**What to do.** {message.remedy}"
        if message.exit_code >= 0:
            yield f"Exit code {message.exit_code}."


def settings() -> str:
    """docs/settings.md."""
    return page("Settings", "src/conntrace/settings_table.py", _setting_parts())


def _setting_parts() -> Iterator[str]:
    yield (
        "conntrace is set by environment variables: OpenTelemetry's standard ones, and a few of its"
        ' own. An empty value means "not set".\nA wrong value is reported in one line that names'
        " the variable and what it takes, and the default is used; your program runs on.\n"
        "`conntrace doctor` shows which are in force."
    )
    rows = [row for row in settings_table.TABLE if not row.internal]
    for title, prefix in _SETTING_GROUPS:
        yield f"## {title}"
        members = [row for row in rows if row.names[0].startswith(prefix)]
        yield table(
            ("variable", "takes", "default", "meaning"), [_setting_row(row) for row in members]
        )
    yield "Where two variables stand in one row, the first goes before the second."


def _setting_row(row: settings_table.Setting) -> tuple[str, str, str, str]:
    return ", ".join(map(code, row.names)), row.accepted, _default(row.default), row.meaning


def _default(value: object) -> str:
    if value in (None, "", (), frozenset()):
        return "not set"
    return code(str(value).lower() if isinstance(value, bool) else value)


def event_table() -> str:
    """docs/events.md."""
    return page("Events", "src/conntrace/events.py", _event_parts())


def _event_parts() -> Iterator[str]:
    yield paragraphs(events.__doc__ or "")
    yield (
        "`conntrace run --events FILE` saves them, one line `process TAB event`, with names"
        " replaced, and `conntrace.testing.replay` makes spans of such a file again."
    )
    yield f"Every event begins with its kind and these fields:\n\n{_fields(events.Event, skip=0)}"
    common = len(fields(events.Event))
    for event in events.EVENTS:
        yield f"## {event.kind}"
        yield paragraphs(event.__doc__ or "")
        if len(fields(event)) > common:
            yield _fields(event, skip=common)


def _fields(event: type[events.Event], skip: int) -> str:
    rows = []
    for position, each in enumerate(fields(event)[skip:], start=skip + 2):
        kind = _TYPE_NAMES.get(str(each.type), str(each.type))
        meaning, unit = each.metadata["meaning"], each.metadata["unit"]
        rows.append((str(position), code(each.name), kind, unit, meaning))
    return table(("position", "field", "type", "unit", "meaning"), rows)


def causes() -> str:
    """docs/causes.md."""
    return page("Causes", "src/conntrace/catalogue.py", _cause_parts())


def _cause_parts() -> Iterator[str]:
    yield (
        "Why a connection was set up or a name looked up: the values of `conntrace.cause.name`.\n"
        "`conntrace causes ID` shows the same in the terminal."
    )
    for family, meaning in catalogue.FAMILIES.items():
        yield f"## {family}: {meaning}"
        for cause in catalogue.CAUSES.values():
            if cause.family == family:
                yield from _cause(cause)
    yield "## Recipes"
    yield "Copyable code, run by a test as it stands. conntrace itself never changes a program."
    for recipe in RECIPES:
        yield f"### {recipe.title}"
        yield f"For {', '.join(map(code, recipe.causes))}. {recipe.note}"
        yield f"```python\n{recipe.code.rstrip()}\n```"
    yield "## Other ends of connections"
    yield "Values of `conntrace.close.reason` that are not causes of their own."
    yield table(
        ("reason", "meaning", "whose decision"),
        [
            (code(name), reason.title, code(reason.initiator))
            for name, reason in catalogue.CLOSE_REASONS.items()
        ],
    )


def _cause(cause: catalogue.CauseText) -> Iterator[str]:
    yield f"### {cause.id}"
    yield f"**{cause.title}.** {cause.meaning}"
    yield f"- How it is decided: {cause.how}" + "".join(
        f"\n- {label}: {text}"
        for label, text in (
            ("What to do", cause.advice),
            ("What not to do", cause.do_not),
            ("Avoidable", "yes, when it is proved" if cause.avoidable else ""),
            ("Whose decision the end was", code(cause.initiator)),
            ("Note", "" if cause.decided else "this version does not decide it yet"),
        )
        if text
    )


def spans() -> str:
    """docs/spans.md."""
    return page(
        "Spans and attributes",
        "src/conntrace/semantic_names.py and scripts/span_texts.py",
        _span_parts(),
    )


def _span_parts() -> Iterator[str]:
    yield (
        "The spans conntrace writes, and every attribute on them. Names without the prefix"
        " `conntrace.` are OpenTelemetry's semantic conventions.\nNames that end in `_s` are"
        " seconds. A span that failed has the status ERROR and `error.type`; no other span has"
        " either."
    )
    yield "## Spans"
    yield table(
        ("name", "kind", "parent", "meaning"),
        [
            (code(span_name(key)), text.kind, text.parent, text.meaning)
            for key, text in SPANS.items()
        ],
    )
    for heading, names in attribute_groups():
        yield f"## {heading}"
        ours = [name for name in names if name in ATTRIBUTES]
        if ours:
            yield table(("attribute", "meaning"), [_attribute(name) for name in ours])
        else:
            yield "\n".join(f"- `{getattr(semantic_names, name)}`" for name in names)


def span_name(key: str) -> str:
    """The name as it is shown: the constant and what follows, or a name made of attributes."""
    text = SPANS[key].name
    if key in ("HTTP_REQUEST_METHOD", "RPC_METHOD", "FAAS_NAME", "INIT"):
        return text
    return f"{getattr(semantic_names, key)} {text}".rstrip()


def attribute_groups() -> Iterator[tuple[str, list[str]]]:
    """Headings and constants of the attributes, as comments part them in semantic_names."""
    heading, names = "", []
    for line in [*inspect.getsource(semantic_names).splitlines(), "# end"]:
        if line.startswith("# "):
            if "attributes" in heading or heading == "Ours":
                yield heading, names
            heading, names = line[2:].rstrip("."), []
        elif found := _NAME_LINE.match(line):
            names.append(found[1])


def _attribute(name: str) -> tuple[str, str]:
    return code(getattr(semantic_names, name)), ATTRIBUTES[name]


PAGES: dict[str, Callable[[], str]] = {
    "messages.md": messages,
    "settings.md": settings,
    "events.md": event_table,
    "causes.md": causes,
    "spans.md": spans,
}


def stale_pages() -> list[str]:
    """The pages that are not what the tables say, or not there."""
    return [name for name, make in PAGES.items() if _read(name) != make()]


def _read(name: str) -> str:
    path = DOCS / name
    return path.read_text(encoding="utf-8") if path.exists() else ""


def main(arguments: Sequence[str]) -> int:
    """Write the stale pages, or only name them with `--check`."""
    check = list(arguments) == ["--check"]
    if arguments and not check:
        say("usage: python -m scripts.generate_docs [--check]")
        return 2
    stale = stale_pages()
    for name in stale:
        if not check:
            (DOCS / name).write_text(PAGES[name](), encoding="utf-8")
        say(f"docs/{name} {'is stale: make docs' if check else 'written'}")
    return 1 if stale and check else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
