"""Functions in which something goes wrong, with the standard library alone: they start quickly."""

import os
import signal
import socket


def echo(event, context):
    """What came, and a connection to the port that the event names."""
    if "port" in event:
        with socket.create_connection(("127.0.0.1", event["port"])):
            pass
    return {"echo": event}


def be_killed(event, context):
    """As when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)
