"""`python -m conntrace` is the `conntrace` command."""

from __future__ import annotations

import sys

from conntrace.cli import main

if __name__ == "__main__":
    sys.exit(main())
