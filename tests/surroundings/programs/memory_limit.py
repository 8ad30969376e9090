"""Little address space is left: requests go on, and memory that is asked for still fails."""

import resource
import sys

import urllib3

URL = sys.argv[1]
with open("/proc/self/statm") as statm:
    now = int(statm.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + 64 * 1024 * 1024,) * 2)
pool = urllib3.PoolManager()
print(all(pool.request("GET", URL).data == b"ok" for _ in range(300)))
try:
    bytearray(512 * 1024 * 1024)
except MemoryError:
    print("MemoryError")
print(urllib3.PoolManager().request("GET", URL).data)
