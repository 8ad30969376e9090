"""The server of the programs in this folder: answers anything, and ends with the program."""

import contextlib
import http.server
import threading


def serve(size=2, host="127.0.0.1"):
    """Start it; every answer has so many bytes. Gives its port."""
    server = Server((host, 0), type("Sized", (Handler,), {"size": size}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers, and keeps the connection."""

    protocol_version = "HTTP/1.1"
    size = 0

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(self.size))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(b"x" * self.size)

    def log_message(self, *arguments):
        pass

    def handle(self):
        with contextlib.suppress(ConnectionResetError):
            super().handle()


class Server(http.server.ThreadingHTTPServer):
    """Looks up no name of its own: what conntrace sees is the program's."""

    daemon_threads = True

    def server_bind(self):
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", self.server_address[1]
