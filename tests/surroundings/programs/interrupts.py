"""Ctrl-C at every moment of a request: in http.client, in the agent, between two instructions.

Prints what else than a KeyboardInterrupt came out, and how requests go afterwards.
"""

import os
import random
import signal
import sys
from http.client import HTTPConnection

HOST, ROUNDS = sys.argv[1], 600


class Moment:
    """`on`: an alarm that comes is a KeyboardInterrupt."""

    on = False


def interrupt(number, frame):
    if Moment.on:
        raise KeyboardInterrupt


def get():
    # No pool: Ctrl-C can leave the lock of a queue taken for ever, in any program.
    connection = HTTPConnection(HOST)
    connection.request("GET", "/")
    return connection.getresponse().read()


def interrupted(after_s):
    try:
        Moment.on = True
        signal.setitimer(signal.ITIMER_REAL, after_s)
        body = get()
        Moment.on = False
        return body
    except KeyboardInterrupt:
        return "interrupted"
    except Exception as error:
        return repr(error)
    finally:
        Moment.on = False
        signal.setitimer(signal.ITIMER_REAL, 0)


# One that comes inside a finalizer is shown and goes no further; that is Python's, not ours.
sys.unraisablehook = lambda unraisable: None
signal.signal(signal.SIGALRM, interrupt)
chance = random.Random(1)
print(sorted({str(interrupted(chance.uniform(0.00001, 0.002))) for _ in range(ROUNDS)}))
print({get() for _ in range(20)}, flush=True)
os._exit(3)
