"""The program has a trace and a profile function of its own, and a strict audit hook."""

import sys

import urllib3

URL = sys.argv[1]
names = set()


def watch(frame, event, argument):
    if frame.f_globals.get("__name__", "").startswith("urllib3"):
        names.add(frame.f_code.co_name)
    return watch


seen = []
sys.addaudithook(
    lambda event, arguments: seen.append(event) if event.startswith("socket.") else None
)
sys.settrace(watch)
sys.setprofile(lambda frame, event, argument: None)
print(urllib3.PoolManager().request("GET", URL).data)
sys.settrace(None)
sys.setprofile(None)
print({"urlopen", "_get_conn", "_put_conn"} <= names, "socket.connect" in seen)
print(sys.gettrace(), sys.getprofile())
