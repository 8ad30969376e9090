"""The command line but for `run`: one module for each command, loaded when it is called."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click

import conntrace
from conntrace.cli.run_options import HELP as RUN_HELP
from conntrace.cli.terminal import say
from conntrace.errors import ConntraceError, UsageError

# Command -> its module in this package, whose `command` is a click command.
COMMANDS = {
    "report": "report",
    "probe": "probe",
    "lambda": "lambda_function",
    "causes": "causes",
    "doctor": "doctor",
}
_RUN_SUMMARY = "Run a command and show why it opened connections."


class LazyCommands(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, `run` first."""
        return ["run", *COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command. `run` never comes here but for its help."""
        if cmd_name == "run":
            return click.Command("run", help=RUN_HELP, short_help=_RUN_SUMMARY)
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        loaded: click.Command = import_module(f"conntrace.cli.{module}").command
        return loaded

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names; a misspelt one leads to what is near."""
        from difflib import get_close_matches

        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            close = get_close_matches(name, self.list_commands(ctx), n=1)
            raise click.UsageError(
                f"there is no command {name!r}{f' (did you mean {close[0]}?)' if close else ''}",
                ctx,
            )
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyCommands,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="conntrace shows why a Python program opened a connection or looked a name up.",
)
@click.version_option(conntrace.__version__, "-V", "--version", prog_name="conntrace")
def group() -> None:
    """The `conntrace` command."""


def main(arguments: list[str]) -> int:
    """Run a command; every error is one line with its slug, never a traceback."""
    if getattr(sys, "stdout", None) is None:
        # It was closed: nobody wants to see anything.
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    try:
        result = group.main(arguments, prog_name="conntrace", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as shown:
        print(shown.format_message())
        return UsageError.exit_code
    except click.UsageError as error:
        hint = f"; see {error.ctx.command_path} --help" if error.ctx is not None else ""
        say(f"{error.format_message().rstrip('.')}{hint} [wrong-usage]")
        return UsageError.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): nothing to complain about.
        _let_go_of_output()
        return 0
    except OSError as error:
        if error.filename is not None:
            raise  # not of standard output, and so a mistake of ours
        _let_go_of_output()
        say(f"cannot write to standard output: {error.strerror or error} [output-failed]")
        return ConntraceError.exit_code
    except ConntraceError as error:
        say(str(error))
        return error.exit_code
    return result if isinstance(result, int) else 0


def _let_go_of_output() -> None:
    """What is still buffered has nowhere to go, and the interpreter would try once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
