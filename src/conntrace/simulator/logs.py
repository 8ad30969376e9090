"""The log of one environment: what its programs print, and the platform's own lines."""

from __future__ import annotations

import os
import select
import threading

from conntrace.simulator.telemetry import Telemetry

_CHUNK = 65536


class Output:
    """The read end of a program's standard output and error, taken in line by line."""

    def __init__(self, log: Log, kind: str) -> None:
        self._log = log
        self._kind = kind
        self._rest = b""
        self._lock = threading.Lock()
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        self._thread = threading.Thread(target=self._follow, name="lambda-log", daemon=True)

    @property
    def writer(self) -> int:
        """The descriptor for the program's standard output and error."""
        return self._writer

    def started(self) -> None:
        """The program has the write end: let go of ours, and read until the program's end."""
        os.close(self._writer)
        self._thread.start()

    def drain(self) -> bool:
        """Take in what is there now; False at the end of the output."""
        with self._lock:
            while True:
                try:
                    chunk = os.read(self._reader, _CHUNK)
                except BlockingIOError:
                    return True
                except OSError:
                    return False
                if not chunk:
                    self._log.add(self._kind, self._rest)
                    self._rest = b""
                    return False
                whole, newline, self._rest = (self._rest + chunk).rpartition(b"\n")
                if len(self._rest) > _CHUNK:
                    # Too long for a line: taken in pieces.
                    whole, newline, self._rest = whole + newline + self._rest, b"", b""
                self._log.add(self._kind, whole + newline)

    def close(self) -> None:
        """The program has ended; its last words are in the log when this returns."""
        self._thread.join(timeout=5)
        with self._lock:
            os.close(self._reader)

    def _follow(self) -> None:
        while True:
            select.select([self._reader], [], [])
            if not self.drain():
                return


class Log:
    """Lines in the order in which they arrived; `also` gets them too."""

    def __init__(self, also: Log | None = None) -> None:
        self.telemetry: Telemetry | None = None
        self._also = also
        self._lock = threading.Lock()
        self._text: list[str] = []
        self._outputs: list[Output] = []

    def output(self, kind: str) -> Output:
        """For one program; `kind` is `function` or `extension`."""
        output = Output(self, kind)
        self._outputs.append(output)
        return output

    def add(self, kind: str, text: bytes) -> None:
        """What a program has printed."""
        if not text:
            return
        words = text.decode("utf-8", "replace")
        self._append(words)
        if self.telemetry is not None:
            for line in words.splitlines():
                self.telemetry.add(kind, line)

    def line(self, text: str) -> None:
        """A line of the platform."""
        self._append(text + "\n", new_line=True)

    def _append(self, text: str, new_line: bool = False) -> None:
        with self._lock:
            if new_line and self._text and not self._text[-1].endswith("\n"):
                self._text.append("\n")
            self._text.append(text)
        if self._also is not None:
            self._also._append(text, new_line)

    def drain(self) -> None:
        """Take in what the programs have printed until now."""
        for output in self._outputs:
            output.drain()

    def close_outputs(self) -> None:
        """All programs have ended: take in the rest."""
        for output in self._outputs:
            output.close()
        self._outputs.clear()

    @property
    def position(self) -> int:
        """A mark for `since`."""
        with self._lock:
            return len(self._text)

    def since(self, position: int) -> str:
        """The text after a mark."""
        with self._lock:
            return "".join(self._text[position:])
