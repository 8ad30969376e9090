"""Programs on the standard library: `with_stdlib.py FUNCTION ARGUMENT...`."""

import http.client
import socket
import sys
import time
import urllib.request

import loopback_names  # noqa: F401 - makes the *.test names known


def one_shot(url):
    for _ in range(3):
        with urllib.request.urlopen(url) as response:
            response.read()


def bare_objects(host, port):
    for _ in range(2):
        connection = http.client.HTTPConnection(host, int(port))
        connection.request("GET", "/")
        connection.getresponse().read()
        connection.close()


def kept_object(host, port):
    connection = http.client.HTTPConnection(host, int(port))
    for _ in range(2):
        connection.request("GET", "/")
        connection.getresponse().read()
    connection.close()


def renewed_object(host, port, *paths):
    """An object anew after each failure."""
    left = list(paths)
    while left:
        connection = http.client.HTTPConnection(host, int(port))
        try:
            while left:
                connection.request("GET", left.pop(0))
                connection.getresponse().read()
        except OSError:
            connection.close()


def beside_an_open_object(host, port):
    """One object stays open, another one is closed, a third one is made."""
    opened = http.client.HTTPConnection(host, int(port))
    opened.request("GET", "/")
    opened.getresponse().read()
    for connection in (http.client.HTTPConnection(host, int(port)),):
        connection.request("GET", "/")
        connection.getresponse().read()
        connection.close()
    last = http.client.HTTPConnection(host, int(port))
    last.request("GET", "/")
    last.getresponse().read()


def kept_object_with_headers(host, port, path, *headers):
    """Header names in as many letters as they like; the last request without any."""
    connection = http.client.HTTPConnection(host, int(port))
    for header in (*headers, ""):
        connection.request("GET", path, headers={header: "Close"} if header else {})
        connection.getresponse().read()
    connection.close()


def given_up(host, port, how):
    connection = http.client.HTTPConnection(host, int(port))
    connection.request("GET", "/bytes/1000")
    if how == "unread":
        connection.getresponse().read(10)
    connection.close()
    connection.request("GET", "/")
    connection.getresponse().read()


def lookup(host, stays_s="0"):
    print(len(socket.getaddrinfo(host, 80, type=socket.SOCK_STREAM)))
    time.sleep(float(stays_s))


def lookup_by_old_function(host):
    print(socket.gethostbyname(host))


def raw_socket(host, port):
    with socket.create_connection((host, int(port))) as stream:
        stream.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while stream.recv(4096):
            pass


def nothing():
    print("no network")


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
