"""No descriptor is left: the errors are the system's; with descriptors again, all works."""

import os
import resource
import socket
import sys

import urllib3

URL = sys.argv[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
pool = urllib3.PoolManager(retries=False)
print(pool.request("GET", URL).data)
taken = []
try:
    while True:
        taken.append(os.open(os.devnull, os.O_RDONLY))
except OSError as error:
    print(error.errno)
for attempt in (
    lambda: socket.create_connection(("127.0.0.1", 9)),
    lambda: urllib3.PoolManager(retries=False).request("GET", URL),
    lambda: socket.getaddrinfo("localhost", 80) and None,
):
    try:
        print(attempt())
    except Exception as error:
        print(type(error).__name__, getattr(error, "errno", ""))
print(pool.request("GET", URL).data)
for descriptor in taken:
    os.close(descriptor)
print(urllib3.PoolManager(retries=False).request("GET", URL).data)
