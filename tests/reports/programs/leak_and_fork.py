"""A response that is dropped unread, a request after it, and a child that uses the same client."""

import gc
import os
import time

import urllib3
from serving import serve

url = f"http://127.0.0.1:{serve(size=200_000)}/"
manager = urllib3.PoolManager(maxsize=1)
response = manager.request("GET", url, preload_content=False)
time.sleep(0.05)
del response
gc.collect()
time.sleep(0.05)
manager.request("GET", url)
time.sleep(0.05)
held = manager.request("GET", url, preload_content=False)
child = os.fork()
if child == 0:
    manager.request("GET", url)
    os._exit(0)
os.waitpid(child, 0)
held.release_conn()
