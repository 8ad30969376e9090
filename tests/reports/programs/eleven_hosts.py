"""Two rounds over eleven hosts with one PoolManager that keeps ten pools."""

import http.server
import threading

import urllib3


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers, and keeps the connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *arguments):
        pass

    def address_string(self):
        return self.client_address[0]


class Server(http.server.ThreadingHTTPServer):
    """Ends with the program."""

    daemon_threads = True

    def server_bind(self):
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", self.server_address[1]


server = Server(("0.0.0.0", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
manager = urllib3.PoolManager(num_pools=10)
for _ in range(2):
    for host in range(1, 12):
        manager.request("GET", f"http://127.0.0.{host}:{server.server_port}/")
