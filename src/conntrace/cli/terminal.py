"""What the command says: lines on standard error, each with the name of the program in front."""

from __future__ import annotations

import os


def say(message: str) -> None:
    """Write one line to standard error in one piece; a closed standard error changes nothing."""
    try:
        os.write(2, f"conntrace: {message}\n".encode("utf-8", "backslashreplace"))
    except OSError:
        pass
