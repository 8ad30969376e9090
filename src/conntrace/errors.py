"""Errors a user can meet. Each has a slug, explained in `docs/messages.md`, and an exit code."""

from __future__ import annotations


class ConntraceError(Exception):
    """Something the user can put right. `str()` is one line: what is wrong, where, what to do.

    `slug` names the entry of the message in the docs; `exit_code` is what the command ends with.
    """

    exit_code = 1

    def __init__(self, slug: str, message: str) -> None:
        super().__init__(message)
        self.slug = slug
        self.message = message

    def __str__(self) -> str:
        return f"{self.message} [{self.slug}]"


class UsageError(ConntraceError):
    """The command line is wrong."""

    exit_code = 2
