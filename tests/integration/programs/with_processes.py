"""Programs that start, replace and end processes: `with_processes.py FUNCTION ARGUMENT...`."""

import contextlib
import io
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import loopback_names  # noqa: F401 - makes the *.test names known
import urllib3


def get(url):
    urllib3.PoolManager().request("GET", url)


def child(url, method):
    """multiprocessing with `fork`, `spawn` or `forkserver`."""
    process = multiprocessing.get_context(method).Process(target=get, args=(url,))
    process.start()
    process.join()
    sys.exit(process.exitcode)


def by_subprocess(url):
    subprocess.run([sys.executable, __file__, "get", url], check=True)


def by_exec(url):
    get(url)
    os.execv(sys.executable, [sys.executable, __file__, "get", url])


def refused_then_exec(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", int(port)))
    os.execv(sys.executable, [sys.executable, "-c", "pass"])


def by_exit(url):
    get(url)
    os._exit(7)


def by_kill(url):
    """Dies by SIGKILL while one request is finished and another one hangs."""
    get(url)
    threading.Thread(target=get, args=(f"{url}/gate/9",), daemon=True).start()
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)


def by_kill_in_upload(url, body):
    """Dies by SIGKILL while a request with a large body gets no answer; an earlier one got its."""
    client = urllib3.PoolManager()
    client.request("GET", url)
    data = b"x" * 60_000_000
    body = {"bytes": data, "file": io.BytesIO(data), "small": b"x" * 1000}[body]

    def upload():
        client.request("PUT", url, body=body)

    threading.Thread(target=upload, daemon=True).start()
    time.sleep(2)
    os.kill(os.getpid(), signal.SIGKILL)


def by_signal(url, number):
    get(url)
    os.kill(os.getpid(), int(number))


def by_exception(url):
    get(url)
    raise ValueError("the program's own")


def wait_for_interrupt(url):
    count = []
    signal.signal(signal.SIGINT, lambda *_: count.append(1))
    get(url)
    print("ready", flush=True)
    deadline = time.monotonic() + 10
    while not count and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    print(f"interrupted {len(count)} times", flush=True)


def long_run(url, seconds):
    """Goes on for some time, whatever becomes of its parent."""
    get(url)
    print("ready", flush=True)
    time.sleep(float(seconds))
    get(url)
    print("finished", flush=True)


def many(url, count):
    """So many requests, as fast as they go."""
    manager = urllib3.PoolManager()
    for _ in range(int(count)):
        manager.request("GET", url)


def flood(url, count, connections):
    """Requests while nobody reads the channel, then connections; waits for a word in between."""
    manager = urllib3.PoolManager()
    manager.request("GET", url)
    print("ready", flush=True)
    input()
    for _ in range(int(count)):
        manager.request("GET", url)
    for _ in range(int(connections)):
        get(url)
    print("done", flush=True)
    input()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
