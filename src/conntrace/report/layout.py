"""A page of lines that fit a given width: the only place that knows how text meets the terminal."""

from __future__ import annotations

import io
import os
import re
from dataclasses import dataclass, field
from typing import TextIO, TypeAlias

from rich.cells import cell_len
from rich.console import Console
from rich.containers import Lines
from rich.text import Text

from conntrace.report.clean import clean, shorten

DEFAULT_WIDTH = 80
MIN_WIDTH, MAX_WIDTH = 60, 200

# Never the only sign of anything: each style goes with a word or a mark.
PLAIN, STRONG, FAINT = "", "bold", "dim"
AVOIDABLE, ADVICE, FAILED = "bold magenta", "bold cyan", "bold red"

# Rich breaks lines at every space, also at those that must not be broken. `clean` spells private
# characters out, so none from a span can meet this one.
_NO_BREAK = "\ue000"
_ELLIPSIS = "…"  # one cell, in the middle of lines too: ASCII needs one of the same width
_NUMBER_AND_UNIT = re.compile(r"(\d) (ms|s|min)\b")

Part: TypeAlias = str | tuple[str, str] | Text


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The drawing characters: one set for terminals that know them, one for plain ASCII."""

    start: str = "├"
    setup: str = "━"
    request: str = "■"
    idle: str = "┄"
    frozen: str = "░"
    lost: str = "✕"
    closed: str = "┤"
    evicted: str = "▲"
    leaked: str = "○"
    busy: str = "▔"
    open: str = "→"
    bar: str = "█"
    half_bar: str = "▌"
    before: str = "◂"
    rule: str = "─"
    separator: str = " · "
    times: str = "×"  # noqa: RUF001 - the multiplication sign is meant
    more: str = "…"


ASCII = Glyphs(
    start="[",
    setup="_",
    request="#",
    idle=".",
    frozen=":",
    lost="X",
    closed="]",
    evicted="^",
    leaked="o",
    busy="=",
    open=">",
    bar="=",
    half_bar="-",
    before="<",
    rule="-",
    separator=" | ",
    times="x",
    more="...",
)


@dataclass(slots=True)
class Page:
    """Lines of text, each cut or wrapped to `width` cells."""

    width: int
    glyphs: Glyphs = field(default_factory=Glyphs)
    lines: list[Text] = field(default_factory=list)

    def add(self, *parts: Part) -> None:
        """One line of parts, each a string or (string, style); what does not fit is cut."""
        line = self.text(*parts)
        line.truncate(self.width, overflow="ellipsis")
        line.rstrip()
        self.lines.append(line)

    def blank(self) -> None:
        """An empty line, never two in a row."""
        if self.lines and self.lines[-1].plain:
            self.lines.append(Text())

    def spread(self, left: list[Part], right: list[Part]) -> None:
        """One line with a left and a right end; the left end is cut when both do not fit."""
        end = self.text(*right)
        start = self.text(*left)
        start.truncate(max(10, self.width - end.cell_len - 2), overflow="ellipsis")
        start.append(" " * max(2, self.width - start.cell_len - end.cell_len))
        self.add(start, end)

    def titled(self, lead: str, title: str, right: list[Part], style: str) -> None:
        """A title with a right end on its first line; a long title goes on below."""
        end = self.text(*right)
        room = self.width - len(lead) - end.cell_len - 2
        pieces = _balanced(Text(clean(title), style=style), room)
        for index, piece in enumerate(pieces[:3]):
            start: list[Part] = [(lead if index == 0 else " " * len(lead), style), piece]
            if index == 0:
                self.spread(start, [end])
            else:
                self.add(*start)

    def paragraph(self, lead: list[Part], body: str, style: str = PLAIN, lines: int = 4) -> None:
        """Wrapped text after a lead; further lines are indented by the lead's width.

        `lines` is how many at most on a page of the usual width; a narrow one has more.
        """
        head = self.text(*lead)
        room = self.width - head.cell_len
        lines = max(lines, lines * (DEFAULT_WIDTH - head.cell_len) // room)
        kept = _NUMBER_AND_UNIT.sub(rf"\1{_NO_BREAK}\2", clean(body))
        wrapped = Text(kept, style=style).wrap(_measure(), room)
        for index, piece in enumerate(wrapped[:lines]):
            piece.rstrip()
            piece.plain = piece.plain.replace(_NO_BREAK, " ")
            if index == lines - 1 and len(wrapped) > lines:
                piece = Text(shorten(piece.plain, room - 1) + self.glyphs.more, style=style)
            start = head if index == 0 else Text(" " * head.cell_len)
            self.add(start, piece)

    def flow(self, items: list[str], style: str) -> None:
        """Short items side by side, on as many lines as they need; none is broken."""
        line = ""
        for item in items:
            if line and cell_len(line) + 2 + cell_len(item) > self.width:
                self.add((line, style))
                line = ""
            line = f"{line}  {item}" if line else item
        self.add((line, style))

    def listed(self, lead: str, items: list[str], style: str) -> None:
        """Items after a lead, with separators; a line ends between two of them, where it can."""
        lines, separator = [""], self.glyphs.separator
        room = self.width - cell_len(lead)
        for number, item in enumerate(items, start=1):
            longer = f"{lines[-1]}{separator if lines[-1] else ''}{item}"
            tail = separator.rstrip() if number < len(items) else ""
            if lines[-1] and cell_len(longer + tail) > room:
                lines[-1] += separator.rstrip()
                lines.append(item)
            else:
                lines[-1] = longer
        for index, line in enumerate(lines):
            start = lead if index == 0 else " " * cell_len(lead)
            self.paragraph([(start, style)], line, style)

    def text(self, *parts: Part) -> Text:
        """The parts as one styled text. Never parsed: `[red]` in a host name stays as it is."""
        line = Text(no_wrap=True)
        for part in parts:
            if isinstance(part, Text):
                line.append_text(part)
            elif isinstance(part, str):
                line.append(part)
            else:
                line.append(part[0], style=part[1] or None)
        return line

    def write(self, stream: TextIO, color: bool) -> None:
        """Print the page. Without colour no escape sequence is written at all."""
        buffer = io.StringIO()
        console = Console(
            file=buffer,
            width=self.width,
            force_terminal=color,
            color_system="standard" if color else None,
            no_color=not color,
            markup=False,
            highlight=False,
            emoji=False,
            legacy_windows=False,
            _environ={},
        )
        while self.lines and not self.lines[-1].plain:
            self.lines.pop()
        for line in self.lines:
            console.print(line, soft_wrap=True)
        text = buffer.getvalue()
        if self.glyphs.more == ASCII.more:
            text = text.replace(_ELLIPSIS, "~")
        encoding = getattr(stream, "encoding", None) or "utf-8"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


def _balanced(text: Text, room: int) -> Lines:
    """Lines of about the same length: no last word stands alone."""
    pieces = best = text.wrap(_measure(), room)
    while len(pieces) == len(best) > 1 and room > 10:
        best, room = pieces, room - 1
        pieces = text.wrap(_measure(), room)
    return best


def _measure() -> Console:
    return Console(file=io.StringIO(), width=MAX_WIDTH, _environ={})


def glyphs_for(stream: TextIO) -> Glyphs:
    """The full set when the stream can encode all of it, else the ASCII one."""
    glyphs = Glyphs()
    try:
        every = "".join(getattr(glyphs, name) for name in Glyphs.__slots__)
        every.encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return glyphs


def width_for(stream: TextIO, width: int | None) -> int:
    """The asked width, else the terminal's, else COLUMNS, else 80; within what can be read."""
    if width is None:
        width = _terminal_width(stream) or _number(os.environ.get("COLUMNS")) or DEFAULT_WIDTH
    return max(MIN_WIDTH, min(MAX_WIDTH, width))


def color_for(stream: TextIO, color: bool | None) -> bool:
    """The asked choice, else colour on a terminal that has it, unless NO_COLOR is set."""
    if color is not None:
        return color
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def _terminal_width(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError, AttributeError):
        return 0


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 6 else 0


def pad(text: str, cells: int) -> str:
    """Clean text cut or filled with spaces to exactly that width in cells."""
    text = shorten(text, cells)
    return text + " " * (cells - cell_len(text))
