"""An application that asks another server for each of its own requests; WSGI and ASGI."""

import os

import urllib3

URL = os.environ["SHOP_URL"]
client = urllib3.PoolManager()


def wsgi(environ, start_response):
    body = client.request("GET", URL).data
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


async def asgi(scope, receive, send):
    body = client.request("GET", URL).data
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
