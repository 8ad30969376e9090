"""`idle_then_again.py URL PAUSE_S [--keepalive-idle S]`: a request, a pause, and the request again.

With --keepalive-idle the kernel probes the idle connection so early that no router forgets it.
"""

import socket
import sys
import time

import urllib3
from urllib3.connection import HTTPConnection

url, pause_s = sys.argv[1], float(sys.argv[2])
options = list(HTTPConnection.default_socket_options)
if "--keepalive-idle" in sys.argv:
    idle_s = int(sys.argv[sys.argv.index("--keepalive-idle") + 1])
    options += [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle_s),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1),
    ]
client = urllib3.PoolManager(socket_options=options, timeout=2.0)
for number in range(2):
    if number:
        time.sleep(pause_s)
    try:
        print(client.request("GET", url, retries=False).status)
    except urllib3.exceptions.HTTPError as error:
        print(type(error).__name__)
print(client.request("GET", url, retries=False).status)
