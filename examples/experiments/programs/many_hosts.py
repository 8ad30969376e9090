"""`many_hosts.py URL HOSTS ROUNDS`: one client and so many hosts, round after round."""

import sys
from urllib.parse import urlsplit

import urllib3

url, hosts, rounds = urlsplit(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
client = urllib3.PoolManager()
for _ in range(rounds):
    for number in range(1, hosts + 1):
        # All of 127.0.0.0/8 is this machine.
        client.request("GET", f"{url.scheme}://127.0.0.{number}:{url.port}/")
