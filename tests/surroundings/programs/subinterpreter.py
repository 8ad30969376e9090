"""Code in sub-interpreters makes requests of its own: with the main one's GIL, with one of their
own (from Python 3.12 on), and at the same time.
"""

import sys
import threading
import urllib.request

URL = sys.argv[1]
CODE = f"""
import os, socket, urllib.request
bodies = [urllib.request.urlopen({URL!r}).read() for _ in range(2)]
try:
    socket.create_connection(("127.0.0.1", 1))
except OSError as error:
    bodies.append(type(error).__name__)
os.write(1, f"{{bodies}}\\n".encode())
"""
try:
    import _interpreters as interpreters

    KINDS = [("legacy",), ("isolated",)]
except ImportError:
    import _xxsubinterpreters as interpreters

    KINDS = [(), ()]
ISOLATED = {} if KINDS[0] else {"isolated": True}


def run(kind, options):
    inner = interpreters.create(*kind, **options)
    try:
        return interpreters.run_string(inner, CODE)
    finally:
        interpreters.destroy(inner)


print(urllib.request.urlopen(URL).read(), flush=True)
print(run(KINDS[0], {} if KINDS[0] else {"isolated": False}), flush=True)
print(run(KINDS[1], ISOLATED), flush=True)
threads = [threading.Thread(target=run, args=(KINDS[1], ISOLATED)) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(urllib.request.urlopen(URL).read())
