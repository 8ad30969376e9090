"""Nothing special: a reused connection, a lookup, a raw socket."""

import socket
import sys
import urllib.request

import urllib3

URL, PORT = sys.argv[1], int(sys.argv[2])
pool = urllib3.PoolManager()
print([pool.request("GET", URL).data for _ in range(3)])
print(urllib.request.urlopen(URL).read())
print(sorted({entry[4][0] for entry in socket.getaddrinfo("localhost", 80, socket.AF_INET)}))
with socket.create_connection(("127.0.0.1", PORT)) as raw:
    print(raw.getpeername()[0])
print(sys.flags.optimize, sys.flags.dev_mode, sys.flags.utf8_mode, sys.argv[0][-8:])
