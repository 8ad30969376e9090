"""Near the recursion limit lookups and requests fail or not; afterwards all is as before."""

import socket
import sys
import urllib.request

URL = sys.argv[1]


def at_depth(levels, action):
    if levels:
        return at_depth(levels - 1, action)
    return action()


def outcome(levels, action):
    try:
        return at_depth(levels, action)
    except RecursionError:
        return "RecursionError"


sys.setrecursionlimit(400)
print(outcome(380, lambda: socket.getaddrinfo("localhost", 80) and "looked up"))
print(outcome(340, lambda: urllib.request.urlopen(URL).read()))
print(outcome(100, lambda: socket.getaddrinfo("localhost", 80) and "looked up"))
for levels in range(300, 398):
    outcome(levels, lambda: socket.getaddrinfo("localhost", 80))
    outcome(levels, lambda: urllib.request.urlopen(URL).read())
print(urllib.request.urlopen(URL).read())
