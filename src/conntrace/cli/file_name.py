"""An option that takes the name of a file."""

from __future__ import annotations

import click


class FileName(click.ParamType):  # type: ignore[type-arg]
    """Not empty: `--baseline "$UNSET"` must not be taken for no baseline."""

    name = "file"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name; an empty one is wrong usage."""
        if not value:
            self.fail("the name of a file is missing", param, ctx)
        return value
