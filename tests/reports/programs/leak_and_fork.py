"""A response that is dropped unread, a request after it, and a child that uses the same client."""

import contextlib
import gc
import http.server
import os
import threading
import time

import urllib3


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers, and keeps the connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "200000")
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(b"x" * 200000)

    def log_message(self, *arguments):
        pass

    def handle(self):
        with contextlib.suppress(ConnectionResetError):
            super().handle()


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/"
manager = urllib3.PoolManager(maxsize=1)
response = manager.request("GET", url, preload_content=False)
time.sleep(0.05)
del response
gc.collect()
time.sleep(0.05)
manager.request("GET", url)
time.sleep(0.05)
held = manager.request("GET", url, preload_content=False)
child = os.fork()
if child == 0:
    manager.request("GET", url)
    os._exit(0)
os.waitpid(child, 0)
held.release_conn()
