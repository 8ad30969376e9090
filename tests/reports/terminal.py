"""The report command with a real terminal for its standard error."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading


def on_a_terminal(arguments: list[str]) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run it; returns how it ended, and what the terminal was sent."""
    ours, theirs = pty.openpty()
    heard: list[bytes] = []

    def listen() -> None:
        try:
            while piece := os.read(ours, 4096):
                heard.append(piece)
        except OSError:
            pass  # the other end is closed

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "conntrace", *arguments],
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
            timeout=120,
            env={**os.environ, "TERM": "xterm-256color"},
        )
    finally:
        os.close(theirs)
        listener.join(timeout=10)
        os.close(ours)
    return ended, b"".join(heard).decode("utf-8", "replace")
