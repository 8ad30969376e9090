"""What the function finds in its process: modules, environment, path, patched functions."""

import http.client
import os
import socket
import ssl
import sys

import urllib3

AT_IMPORT = sorted(sys.modules)


def handler(event, context):
    functions = {
        "getaddrinfo": socket.getaddrinfo,
        "connect": socket.socket.connect,
        "do_handshake": ssl.SSLSocket.do_handshake,
        "http connect": http.client.HTTPConnection.connect,
        "urlopen": urllib3.connectionpool.HTTPConnectionPool.urlopen,
        "probe": urllib3.connectionpool.is_connection_dropped,
    }
    return {
        "modules": [name for name in AT_IMPORT if "conntrace" in name or "wrapt" in name],
        "count": len(AT_IMPORT),
        "environment": sorted(os.environ),
        "path": sys.path,
        "arguments": sys.argv,
        "flags": str(sys.flags),
        "meta_path": [getattr(each, "__name__", type(each).__name__) for each in sys.meta_path],
        "functions": {
            name: [
                type(each).__name__,
                getattr(each, "__module__", ""),
                hasattr(each, "__wrapped__"),
            ]
            for name, each in functions.items()
        },
    }
