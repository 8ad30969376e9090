"""The program whose instructions are counted: `counted.py PORT REUSED NEW`.

One request, then REUSED more on the same connection, then NEW that each need a new connection to a
host whose name is looked up.
"""

from __future__ import annotations

import sys

import urllib3


def main() -> None:
    """Make the requests."""
    port, reused, new = sys.argv[1:]
    manager = urllib3.PoolManager()
    for _ in range(1 + int(reused)):
        manager.request("GET", f"http://127.0.0.1:{port}/items?key=value")
    for _ in range(int(new)):
        manager.request("GET", f"http://localhost:{port}/close")


if __name__ == "__main__":
    main()
