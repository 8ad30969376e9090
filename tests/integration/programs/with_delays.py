"""Programs whose set-ups are slow: `with_delays.py FUNCTION ARGUMENT...`."""

import os
import subprocess
import sys
import time

import loopback_names  # noqa: F401 - makes the *.test names known
import urllib3
from urllib3.util.ssl_ import create_urllib3_context

CA = os.environ.get("TEST_CA")
BUSY = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nos.nice(5)\nwhile True: pass"


def get(manager, url):
    return manager.request("GET", url, timeout=30, retries=False).status


def loaded_context():
    context = create_urllib3_context()
    context.load_verify_locations(CA)
    return context


def once(url):
    get(urllib3.PoolManager(ca_certs=CA), url)


def with_bundle(url, bundle):
    get(urllib3.PoolManager(ca_certs=bundle), url)


def with_context(url):
    get(urllib3.PoolManager(ssl_context=loaded_context()), url)


def starved(url):
    """Four connections of a program whose processor busy processes have before it."""
    processor = min(os.sched_getaffinity(0))
    words = [sys.executable, "-S", "-c", BUSY, str(processor)]
    context = loaded_context()
    busy = [subprocess.Popen(words) for _ in range(10)]
    try:
        time.sleep(0.5)
        os.sched_setaffinity(0, {processor})
        os.nice(19)
        for _ in range(4):
            get(urllib3.PoolManager(ssl_context=context), url)
    finally:
        for one in busy:
            one.kill()
            one.wait()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
