"""Handlers for the simulator's tests. They print what a test asks for, as JSON lines."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from itertools import pairwise

TICKS = []


def tell(what, **facts):
    print(json.dumps({"function": what, "at": time.monotonic(), **facts}), flush=True)


tell("import", pid=os.getpid(), argv=sys.argv, path=sys.path)
time.sleep(float(os.environ.get("IMPORT_S", 0)))
if os.environ.get("IMPORT_FAILS"):
    import no_such_module  # noqa: F401
if os.environ.get("IMPORT_EXITS"):
    os._exit(7)


def wait_for_sigterm():
    """In a thread: up to Python 3.11 the runtime client keeps the main thread inside C."""
    signal.sigwait({signal.SIGTERM})
    tell("SIGTERM")
    os._exit(0)


if os.environ.get("WATCH_SIGTERM"):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=wait_for_sigterm, daemon=True).start()


def tick():
    """Note the time, many times a second, for as long as this process runs."""
    while True:
        TICKS.append(time.monotonic())
        time.sleep(0.01)


def facts(event, context):
    """What the runtime gave to the function."""
    return {
        "event": event,
        "environment": dict(os.environ),
        "pid": os.getpid(),
        "cwd": os.getcwd(),
        "request_id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "remaining_ms": context.get_remaining_time_in_millis(),
        "layer": sorted(os.listdir("/opt")),
        "argv": sys.argv,
        "path": sys.path,
    }


def do(event, context):
    """One thing, by name."""
    what, _, value = event.partition(" ")
    if what == "raise":
        raise ValueError(value)
    if what == "sleep":
        time.sleep(float(value))
    if what == "exit":
        os._exit(int(value))
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "fill":
        held = bytearray(int(value) * 1024 * 1024)
        held[::4096] = b"x" * len(held[::4096])
        time.sleep(5)
    if what == "write":
        with open(value, "a") as file:
            file.write("x")
        tell("written")
        time.sleep(60)
    if what == "big":
        return "x" * int(value)
    if what == "spawn":
        # A session of its own: what a process group does not reach.
        child = subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"import time\nwhile 1: open({value!r}, 'a').write('.'); time.sleep(0.01)",
            ],
            start_new_session=True,
        )
        return child.pid
    return {"did": event, "pid": os.getpid(), "at": time.monotonic()}


def ticks(event, context):
    """The longest gap between two ticks of a thread since the last invocation."""
    if not TICKS:
        threading.Thread(target=tick, daemon=True).start()
    time.sleep(0.1)  # Its first tick after a freeze may come later than the invocation.
    seen, TICKS[:] = TICKS[:], TICKS[-1:]
    return max(later - earlier for earlier, later in pairwise(seen))


KEPT = []


def connect(event, context):
    """Connect to a port at first; later tell whether anything has arrived on that connection."""
    if not KEPT:
        KEPT.append(socket.create_connection(("127.0.0.1", event)))
    return bool(select.select(KEPT, [], [], 0)[0])


def write_file(event, context):
    """Make a file, and tell what is beside it."""
    with open(event, "w"):
        pass
    return os.listdir(os.path.dirname(event))
