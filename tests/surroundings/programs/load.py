"""`load.py URL THREADS REQUESTS`: many requests from many threads, some on new connections.

Prints one JSON line: answers that were right, and resident memory after a tenth and at the end.
"""

import faulthandler
import json
import resource
import sys
import threading

import urllib3

URL, THREADS, REQUESTS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
SHARE = REQUESTS // THREADS
CHURN = 50

shared = urllib3.PoolManager(maxsize=THREADS // 2 or 1)
right = [0] * THREADS
resident = []


def resident_bytes():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def work(number):
    own = urllib3.PoolManager()
    for count in range(SHARE):
        if count % CHURN == 0:
            own.clear()
        pool = shared if count % 2 else own
        right[number] += pool.request("GET", URL).data == b"ok\n"
        if number == 0 and count == SHARE // 10:
            resident.append(resident_bytes())


# A deadlock shows where everyone stands, and ends the program.
faulthandler.dump_traceback_later(max(60, REQUESTS / 200), exit=True)
threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
faulthandler.cancel_dump_traceback_later()
resident.append(resident_bytes())
print(json.dumps({"right": sum(right), "sent": SHARE * THREADS, "resident": resident}))
