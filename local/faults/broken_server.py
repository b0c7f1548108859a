"""The program of the pod that breaks a service: it answers every request with 500.

It runs as text (`python -c`) in an image that knows nothing of this repository, so it needs the standard library only.
"""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 8080


class Broken(BaseHTTPRequestHandler):
    """Fails at everything."""

    protocol_version = "HTTP/1.1"  # the gateway keeps its connections

    def do_POST(self) -> None:
        """Read the request, so that the connection can be used again, and fail."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b'{"title": "a fault drill: this pod answers nothing else"}\n'
        self.send_response(500)
        self.send_header("Content-Type", "application/problem+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: thirty lines a second help nobody."""


if __name__ == "__main__":
    ThreadingHTTPServer(("", PORT), Broken).serve_forever()
