"""`on_and_off.py URL`: the agent comes and goes while threads send requests all the time."""

import faulthandler
import socket
import sys
import threading

import urllib3

from conntrace.testing import capture

URL = sys.argv[1]
ROUNDS = 40
over = threading.Event()
counts = {"right": 0, "wrong": []}


def work(close):
    pool = urllib3.PoolManager()
    while not over.is_set():
        try:
            counts["right"] += pool.request("GET", URL).data == b"ok"
            if close:
                pool.clear()
        except Exception as error:
            counts["wrong"].append(repr(error))


faulthandler.dump_traceback_later(90, exit=True)
before = (socket.getaddrinfo, urllib3.connectionpool.HTTPConnectionPool.urlopen)
threads = [threading.Thread(target=work, args=(number % 2,)) for number in range(6)]
for thread in threads:
    thread.start()
seen = 0
for _ in range(ROUNDS):
    with capture() as spans:
        over.wait(0.02)
    seen += len(spans)
over.set()
for thread in threads:
    thread.join()
after = (socket.getaddrinfo, urllib3.connectionpool.HTTPConnectionPool.urlopen)
print(counts["right"] > ROUNDS, counts["wrong"], seen > ROUNDS, after == before)
