"""Dropping what arrives for a frozen environment: a paused machine acknowledges nothing.

SIGSTOP alone leaves the kernel awake: it still acknowledges the FIN of a server that closes an idle
connection, and the thawed function would find it waiting. On the platform the whole machine
stands, and the function finds a connection that looks alive. The rules are in a table that
belongs to an `nft` program of ours, so they vanish with it, however it ends.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterable

from conntrace.errors import ConntraceError

_LIMIT_S = 5.0
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
_ESTABLISHED = "01"


class NetworkPause:
    """One table of packet filter rules, for one environment."""

    def __init__(self) -> None:
        """Raises ConntraceError when this user cannot filter packets."""
        self._nft = shutil.which("nft", path=_PATH) or ""
        if not self._nft or os.geteuid() != 0:
            raise ConntraceError(
                "lambda-no-packet-filter",
                "pausing the network of a frozen environment needs root and the program nft",
            )
        self._table = f"conntrace_{secrets.token_hex(4)}"
        self._process = subprocess.Popen(
            [self._nft, "-i"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._apply(
            [
                f"add table inet {self._table} {{ flags owner; }}",
                f"add chain inet {self._table} input {{ type filter hook input priority 0; }}",
            ]
        )

    def begin(self, pids: Iterable[int]) -> None:
        """Drop every packet for the TCP connections that these processes have now."""
        rule = f"add rule inet {self._table} input tcp sport {{}} tcp dport {{}} drop"
        self._apply([rule.format(remote, local) for local, remote in connections(pids)])

    def end(self) -> None:
        """Let packets through again."""
        self._apply([f"flush chain inet {self._table} input"])

    def close(self) -> None:
        """The table goes with the program."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _apply(self, commands: list[str]) -> None:
        """Give commands and wait until the kernel shows a mark that was put in after them."""
        mark = f"mark{secrets.token_hex(4)}"
        commands = [*commands, f'add rule inet {self._table} input counter comment "{mark}"']
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("".join(f"{each}\n" for each in commands).encode())
            self._process.stdin.flush()
        except OSError:
            pass  # Found out below.
        deadline = time.monotonic() + _LIMIT_S
        while mark not in self._rules():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise ConntraceError(
                    "lambda-no-packet-filter", "nft does not take rules that drop packets"
                )

    def _rules(self) -> str:
        command = [self._nft, "list", "table", "inet", self._table]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def connections(pids: Iterable[int]) -> set[tuple[int, int]]:
    """(local port, remote port) of each established TCP connection of the processes."""
    own = {inode for pid in pids for inode in _socket_inodes(pid)}
    found = set()
    for name in ("tcp", "tcp6"):
        try:
            with open(f"/proc/net/{name}") as lines:
                rows = [line.split() for line in lines][1:]
        except OSError:
            continue
        for row in rows:
            if row[3] == _ESTABLISHED and row[9] in own:
                local, remote = (int(each.rpartition(":")[2], 16) for each in row[1:3])
                found.add((local, remote))
    return found


def _socket_inodes(pid: int) -> set[str]:
    found = set()
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            target = os.readlink(f"/proc/{pid}/fd/{name}")
            if target.startswith("socket:["):
                found.add(target[len("socket:[") : -1])
    except OSError:
        pass
    return found
