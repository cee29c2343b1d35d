"""The press that prints articles: one edition per key, and it counts the requests."""

import argparse
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typing_extensions import override


class Press(ThreadingHTTPServer):
    """A key that comes again finds the edition that it made before."""

    daemon_threads = True

    def __init__(self, port: int, slow_s: float) -> None:
        super().__init__(("127.0.0.1", port), Exchange)
        self.slow_s = slow_s
        self._editions: dict[str, dict[str, object]] = {}
        self._requests = 0
        self._lock = threading.Lock()

    def print_once(self, key: str, body: dict[str, object]) -> dict[str, object]:
        with self._lock:
            self._requests += 1
            return self._editions.setdefault(key, {"edition": len(self._editions) + 1, **body})

    def counted(self) -> dict[str, object]:
        with self._lock:
            return {"editions": list(self._editions.values()), "requests": self._requests}


class Exchange(BaseHTTPRequestHandler):
    server: Press

    def do_GET(self) -> None:
        self._answer(200, self.server.counted())

    def do_POST(self) -> None:
        key = self.headers.get("Idempotency-Key")
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        if not key:
            self._answer(400, {"error": "an Idempotency-Key is needed"})
            return
        edition = self.server.print_once(key, body)
        # It is printed. Who asked hears of it later, or dies waiting: try it with kill -9.
        time.sleep(self.server.slow_s)
        self._answer(201, edition)

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
    Press(given.port, given.slow).serve_forever()
