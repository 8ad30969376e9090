"""A client, a router and a server, each in a network namespace of its own, on one machine.

The router forwards, and forgets what it is told to forget: nftables drops or resets the packets of
one connection and lets new connections through, as a NAT or load balancer does after its limit.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.components.processes import Server

PORT = 8080
CLIENT, SERVER = "10.99.1.2", "10.99.2.2"
GATEWAYS = {CLIENT: "10.99.1.1", SERVER: "10.99.2.1"}
PROGRAM = f"""
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *words):
        print("served", self.client_address[1], flush=True)
server = http.server.ThreadingHTTPServer(("{SERVER}", {PORT}), Handler)
print("ready", flush=True)
server.serve_forever()
"""


def can_route() -> bool:
    """Whether this machine lets us make network namespaces."""
    name = f"ct{secrets.token_hex(3)}"
    try:
        made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    except OSError:
        return False
    if made.returncode:
        return False
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    return True


class Router:
    """Use `start`, `inside`, `forget` and `stop`. `url` is the server's, from the client."""

    url = f"http://{SERVER}:{PORT}/"

    def __init__(self, nft: Path, folder: Path) -> None:
        mark = secrets.token_hex(3)
        self._nft = str(nft)
        self._log = folder / "server.log"
        self._names = [f"ct{mark}{letter}" for letter in "crs"]
        self.client, self.router, self._server_name = self._names
        self._server: Server | None = None

    def start(self) -> None:
        """Make the three, connect them, and start the server."""
        for name in self._names:
            _run("ip", "netns", "add", name)
            self._in(name, "ip", "link", "set", "lo", "up")
        for name, address in ((self.client, CLIENT), (self._server_name, SERVER)):
            self._connect(name, address)
        self._in(self.router, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
        command = ["ip", "netns", "exec", self._server_name, sys.executable, "-c", PROGRAM]
        self._server = Server(command, self._log)
        assert self._server.wait_ready(lambda: "ready" in self._log.read_text())

    def _connect(self, name: str, address: str) -> None:
        link = f"to{name[-1]}"
        peer = ("type", "veth", "peer", "name", "eth0", "netns", name)
        _run("ip", "link", "add", link, "netns", self.router, *peer)
        self._in(self.router, "ip", "addr", "add", f"{GATEWAYS[address]}/24", "dev", link)
        self._in(self.router, "ip", "link", "set", link, "up")
        self._in(name, "ip", "addr", "add", f"{address}/24", "dev", "eth0")
        self._in(name, "ip", "link", "set", "eth0", "up")
        self._in(name, "ip", "route", "add", "default", "via", GATEWAYS[address])

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command line that runs a command on the client's side."""
        return ["ip", "netns", "exec", self.client, *command]

    def served(self) -> list[int]:
        """The client's port of each request that the server has answered."""
        lines = self._log.read_text().splitlines()
        return [int(line.split()[1]) for line in lines if line.startswith("served")]

    def forget(self, port: int, how: str) -> None:
        """From here on the router drops (`drop`) or resets (`reject with tcp reset`) one flow."""
        for rule in (
            "add table ip test",
            "add chain ip test forward { type filter hook forward priority 0; }",
            f"add rule ip test forward tcp sport {port} {how}",
            f"add rule ip test forward tcp dport {port} drop",
        ):
            self._in(self.router, self._nft, rule)

    def stop(self) -> None:
        """Take everything away."""
        if self._server is not None:
            self._server.stop()
        for name in self._names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)

    @staticmethod
    def _in(name: str, *command: str) -> None:
        _run("ip", "netns", "exec", name, *command)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
