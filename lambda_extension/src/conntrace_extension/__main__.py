"""What the layer's `extension.py` calls, with the launcher's own path as first argument."""

from __future__ import annotations

import sys

from conntrace_extension.main import run


def main() -> int:
    """The whole life of the extension; returns after SHUTDOWN only."""
    layer = __file__.rpartition("/")[0].rpartition("/")[0].rpartition("/")[0]
    run(sys.argv[1] if len(sys.argv) > 1 else "conntrace", layer)
    return 0
