"""`broken_agent.py KIND URL`: every function of the agent fails in turn, and the program works on.

KIND is `raise`, `garbage` (an object that is good for nothing) or `lock` (an error as a broken
interpreter would raise it: RecursionError, MemoryError). Prints what the program got, once for the
agent as it is and once for each broken function.
"""

import importlib
import pkgutil
import sys
import types
import urllib.request

import requests
import urllib3

from conntrace import traced
from conntrace.channel import FunctionChannel
from conntrace.traced import guard, recorder

KIND, URL = sys.argv[1], sys.argv[2]
ERRORS = {"raise": RuntimeError("broken"), "lock": MemoryError()}
# These begin and end the agent, or contain its failures: nothing of a hook runs through them.
OUTSIDE = (
    "guard",
    "originals",
    "recorder",
    "run_start",
    "layer_start",
    "audit",
    "wrappers",
    "base",
)


class Garbage:
    def __getattr__(self, name):
        raise ZeroDivisionError(name)

    __hash__ = None


def broken(*args, **kwargs):
    if KIND == "garbage":
        return Garbage()
    raise ERRORS[KIND]


def work():
    results = []

    def attempt(action):
        try:
            results.append(action())
        except Exception as error:
            results.append(type(error).__name__)

    pool = urllib3.PoolManager(num_pools=1, retries=False)
    for path in ("/", "/", "/close", "/", "/die", "/redirect?/", "/eof"):
        attempt(lambda path=path: pool.request("GET", URL + path).data)
    attempt(lambda: pool.request("GET", "http://localhost:1/"))
    attempt(lambda: requests.get(URL + "/").content)
    attempt(lambda: urllib.request.urlopen(URL + "/").read())
    attempt(lambda: pool.request("GET", URL + "/", preload_content=False).status)
    pool.clear()
    return results


def functions():
    """Every function of the traced side's modules, under every name that a module knows it by."""
    modules = [
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(traced.__path__, "conntrace.traced.")
        if found.name.rpartition(".")[2] not in OUTSIDE and "lambda" not in found.name
    ]
    places = {}
    for module in modules:
        for name, value in vars(module).items():
            home = getattr(value, "__module__", "") or ""
            ours = home.startswith("conntrace.") and home.rpartition(".")[2] not in OUTSIDE
            if ours and isinstance(value, types.FunctionType):
                places.setdefault((home, value.__name__), []).append((module, name, value))
    return places


def main():
    places = functions()
    agent = recorder.Recorder(lambda: FunctionChannel(lambda process, lines: True), way="run")
    assert recorder.start(agent, with_audit=True)
    expected = work()
    print(expected)
    for (home, name), uses in sorted(places.items()):
        for module, known_as, _ in uses:
            setattr(module, known_as, broken)
        guard._failures.clear()
        for _ in range(2):
            found = work()
            if found != expected:
                print("with", home, name, "broken:", found)
        for module, known_as, value in uses:
            setattr(module, known_as, value)
    guard._failures.clear()
    print(work() == expected, guard.failure_count(), len(places) > 100)
    recorder.stop()
    print(work() == expected)


main()
