"""Writes requirements/*.txt: exact versions of everything, for Python 3.10 and newer at once."""

from __future__ import annotations

import sys

from scripts.cache import CHECKOUT
from scripts.installer import uv_program, uv_settings
from scripts.shell import Missing, run, say

# The list, the dependency group that it holds together with the project, and its .in file.
LISTS: tuple[tuple[str, str | None, str | None], ...] = (
    ("dev", "dev", None),
    ("urllib3-1.26", "test", "urllib3-1.26.in"),
    ("urllib3-2-oldest", "test", "urllib3-2-oldest.in"),
    ("surroundings", "test", "surroundings.in"),
    ("bench", "test", "bench.in"),
    ("site", None, "site.in"),
)


def lock(name: str, group: str | None, special: str | None) -> None:
    uv = uv_program()
    if uv is None:
        raise Missing("writing the pinned lists needs uv")
    command = [str(uv), "pip", "compile", "--quiet", "--universal", "--python-version", "3.10"]
    command += ["--no-header", "--no-emit-index-url", "--upgrade", "--group", "build"]
    if group is not None:
        command += ["--extra", "otel", "--group", group, "pyproject.toml"]
    command += [f"requirements/{special}"] if special else []
    run([*command, "-o", f"requirements/{name}.txt"], cwd=CHECKOUT, env=uv_settings())
    say(f"wrote requirements/{name}.txt")


def main() -> int:
    try:
        for name, group, special in LISTS:
            if not sys.argv[1:] or name in sys.argv[1:]:
                lock(name, group, special)
    except Missing as problem:
        say(str(problem))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
