"""The site where reports are published: one page per key, and it counts the requests."""

import argparse
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typing_extensions import override


class Site(ThreadingHTTPServer):
    """A key that comes again finds the page that it made before."""

    daemon_threads = True

    def __init__(self, port: int, slow_s: float) -> None:
        super().__init__(("127.0.0.1", port), Exchange)
        self.slow_s = slow_s
        self._pages: dict[str, dict[str, object]] = {}
        self._requests = 0
        self._lock = threading.Lock()

    def publish(self, key: str, body: dict[str, object]) -> dict[str, object]:
        with self._lock:
            self._requests += 1
            return self._pages.setdefault(key, {"page": len(self._pages) + 1, **body})

    def counted(self) -> dict[str, object]:
        with self._lock:
            return {"pages": list(self._pages.values()), "requests": self._requests}


class Exchange(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self._answer(200, self.server.counted())

    def do_POST(self) -> None:
        key = self.headers.get("Idempotency-Key")
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        if not key:
            self._answer(400, {"error": "an Idempotency-Key is needed"})
            return
        page = self.server.publish(key, body)
        # It is online. Who asked hears of it later, or dies waiting: try it with kill -9.
        time.sleep(self.server.slow_s)
        self._answer(201, page)

    @override
    def log_message(self, *_: object) -> None:
        """Say nothing: what was counted is the log."""

    def _answer(self, status: int, answer: dict[str, object]) -> None:
        written = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--slow", type=float, default=1.5, help="seconds between an act and its answer"
    )
    given = parser.parse_args()
    Site(given.port, given.slow).serve_forever()
