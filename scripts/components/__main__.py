"""``python -m scripts.components [NAME …]``: have them all, and say in one line what is missing.

A missing component is no failure here: its tests skip with the same line, or fail when CI=true.
"""

from __future__ import annotations

import sys

from scripts.components import COMPONENTS, provide
from scripts.shell import Missing, say


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in COMPONENTS]
    if unknown:
        say(f"no component {unknown[0]!r}; there are {', '.join(COMPONENTS)}")
        return 2
    for name in names or COMPONENTS:
        try:
            provide(name)
        except Missing as problem:
            say(f"{name} is missing: {problem}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
