"""Requests from atexit functions, finalizers and daemon threads while the interpreter ends."""

import atexit
import sys
import threading

import urllib3

URL = sys.argv[1]
pool = urllib3.PoolManager()


class Last:
    def __del__(self):
        try:
            print("finalizer", pool.request("GET", URL).data, flush=True)
        except Exception as error:
            print("finalizer", type(error).__name__, flush=True)


def go_on():
    try:
        own = urllib3.PoolManager()
        while True:
            own.request("GET", URL)
    except BaseException:
        pass


atexit.register(lambda: print("atexit", pool.request("GET", URL).data))
for _ in range(4):
    threading.Thread(target=go_on, daemon=True).start()
last = Last()
print(pool.request("GET", URL).data)
del last
