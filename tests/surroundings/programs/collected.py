"""Garbage collection with finalizers that connect, at every moment, in many threads."""

import gc
import sys
import threading

import urllib3

URL = sys.argv[1]
gc.set_threshold(1, 1, 1)
results = []


class Cycle:
    def __init__(self):
        self.me = self
        self.pool = urllib3.PoolManager()
        results.append(self.pool.request("GET", URL).data)

    def __del__(self):
        self.pool.clear()


def work():
    for _ in range(10):
        Cycle()


threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
gc.collect()
print(len(results), set(results), gc.garbage)
