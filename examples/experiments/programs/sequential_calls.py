"""`sequential_calls.py URL COUNT [--close]`: one client, calls one after another."""

import sys

import urllib3

url, count = sys.argv[1], int(sys.argv[2])
headers = {"Connection": "close"} if "--close" in sys.argv else {}
client = urllib3.PoolManager(headers=headers)
for _ in range(count):
    client.request("GET", url)
