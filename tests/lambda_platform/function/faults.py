"""Functions in which something goes wrong, with the standard library alone: they start quickly."""

import os
import signal
import socket
import time


def echo(event, context):
    """What came, and a connection to the port that the event names."""
    if "port" in event:
        with socket.create_connection(("127.0.0.1", event["port"])):
            pass
    return {"echo": event}


def echo_variable(event, context):
    """A variable of the environment."""
    return os.environ.get(event["variable"], "")


def connect_often(event, context):
    """So many connections that nobody takes."""
    refused = 0
    for _ in range(event["times"]):
        with socket.socket() as client:
            refused += client.connect_ex(("127.0.0.1", event["port"])) != 0
    return {"refused": refused}


def be_killed(event, context):
    """As when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def fill(event, context):
    """Take so many megabytes, and keep them for a moment."""
    held = bytearray(event["mb"] * 1024 * 1024)
    held[::4096] = b"x" * len(held[::4096])
    time.sleep(1 if event["mb"] > 100 else 0)
    return {"filled": event["mb"]}


def set_clock(event, context):
    """A connection before and one after the clock is set."""
    before = time.time()
    for _ in range(2):
        socket.create_connection(("127.0.0.1", event["port"])).close()
        with open(event["file"], "w") as file:
            file.write(str(event["to"]))
    return {"hours": round((time.time() - before) / 3600)}
