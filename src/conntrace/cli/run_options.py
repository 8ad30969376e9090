"""The options of `conntrace run`, read without click, which takes longer to load than all the rest.

Everything after the first word that is not an option, or after `--`, is the program's own.
"""

from __future__ import annotations

import os

from conntrace.errors import UsageError

HELP = """\
Usage: conntrace run [-o FILE] [--report] [--events FILE] [--] COMMAND [WORD]...

  Run a command and show why its Python processes opened connections.

  The command keeps its terminal, its standard input and output, and its exit
  code. Spans go to FILE and to the OTLP endpoint, if there is one, that
  OTEL_EXPORTER_OTLP_ENDPOINT names. With neither, a report is shown at the
  end, on standard error.

Options:
  -o, --output FILE  Write spans to FILE as OTLP JSON lines.
  --report           Show the report as well.
  --events FILE      Write the recorded events to FILE, without host names,
                     URL paths and secrets, to be attached to an issue.
  -h, --help         Show this message and exit.
"""

_HINT = "; see conntrace run --help"
_STANDARD_OUTPUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
"""Belongs to the command."""


class RunOptions:
    """What the user asked for."""

    __slots__ = ("command", "events", "help", "output", "report")

    def __init__(self) -> None:
        self.command: list[str] = []
        self.output = ""
        self.events = ""
        self.report = False
        self.help = False


def parse(arguments: list[str]) -> RunOptions:
    """Read the words after `run`. Raises `UsageError`."""
    options = RunOptions()
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--":
            break
        if not word.startswith("-") or word == "-":
            rest.insert(0, word)
            break
        _read_option(options, word, rest)
    options.command = rest
    if not options.help and not rest:
        raise UsageError("no-command", f"run needs a command{_HINT}")
    if options.events and _same_file(options.events, options.output):
        raise UsageError("wrong-usage", f"-o and --events need a file each{_HINT}")
    return options


def _same_file(one: str, other: str) -> bool:
    """Whether spans and events would be mixed; what goes into a device is gone anyway."""
    is_file = os.path.isfile(one) or not os.path.exists(one)
    return is_file and os.path.realpath(one) == os.path.realpath(other)


def _read_option(options: RunOptions, word: str, rest: list[str]) -> None:
    name, equals, value = word.partition("=")
    if word.startswith("-o") and len(word) > 2:
        name, equals, value = "-o", "=", word[2:]
    given = value if equals else None
    if name in ("-o", "--output"):
        options.output = _file(name, given, rest)
    elif name == "--events":
        options.events = _file(name, given, rest)
    elif word == "--report":
        options.report = True
    elif word in ("-h", "--help"):
        options.help = True
    elif name == "--report":
        raise UsageError("wrong-usage", f"option --report takes no value{_HINT}")
    else:
        raise UsageError("unknown-option", f"run has no option {name}{_HINT}")


def _file(name: str, given: str | None, rest: list[str]) -> str:
    """The name of an option's file: `given` in the same word, else the next one."""
    if given is None:
        given = rest.pop(0) if rest and rest[0] != "--" else ""
    if not given or given in _STANDARD_OUTPUT:
        raise UsageError("file-name-missing", f"option {name} needs the name of a file{_HINT}")
    return given
