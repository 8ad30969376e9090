"""A network and a resolver of a program's own: names are asked of a server that loses packets.

The network namespace has nothing but a loopback; in the mount namespace /etc/resolv.conf and
/etc/nsswitch.conf are files of the test. The machine's own are left alone.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

UNSHARE = ("unshare", "--net", "--mount")
PORT = 8080
INSIDE = """
set -e
ip link set lo up
mount --bind "$1/resolv.conf" /etc/resolv.conf
mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf
"$2" "$1/servers.py" "$3" > "$1/ready" &
servers=$!
trap 'kill $servers; wait $servers || true' EXIT
while ! grep -q ready "$1/ready"; do sleep 0.05; done
shift 3
"$@"
"""
SERVERS = f"""
import http.server, socket, sys, threading, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *words):
        pass
web = http.server.ThreadingHTTPServer(("127.0.0.1", {PORT}), Handler)
threading.Thread(target=web.serve_forever, daemon=True).start()
names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
names.bind(("127.0.0.1", 53))
print("ready", flush=True)
lost_for, first = float(sys.argv[1]), None
while True:
    query, client = names.recvfrom(512)
    first = first or time.monotonic()
    if time.monotonic() - first < lost_for:
        continue
    end = query.index(b"\\0", 12) + 5
    is_address = query[end - 4 : end - 2] == b"\\0\\1"
    answer = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\0\\0\\4\\x7f\\0\\0\\1" if is_address else b""
    counts = b"\\0\\1" + (b"\\0\\1" if answer else b"\\0\\0") + b"\\0\\0\\0\\0"
    names.sendto(query[:2] + b"\\x81\\x80" + counts + query[12:end] + answer, client)
"""


def can_unshare() -> bool:
    """Whether this machine lets us make namespaces."""
    try:
        made = subprocess.run(
            [*UNSHARE, "ip", "link", "set", "lo", "up"], capture_output=True, check=False
        )
    except OSError:
        return False
    return made.returncode == 0


def inside(folder: Path, lost_for_s: float, command: Sequence[str]) -> list[str]:
    """The command line that runs a command where every name is 127.0.0.1, with a web server at
    `PORT`. From the first query on, the name server hears nothing for so many seconds."""
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:5 attempts:3\n")
    (folder / "nsswitch.conf").write_text("hosts: dns\n")
    (folder / "servers.py").write_text(SERVERS)
    words = [str(folder), sys.executable, str(lost_for_s)]
    return [*UNSHARE, "sh", "-c", INSIDE, "sh", *words, *command]
