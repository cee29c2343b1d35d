"""The shop behind the help desk: pays refunds and takes tickets, once per key, and counts."""

import argparse
import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typing_extensions import override

KINDS = ("refunds", "tickets")


class Shop(ThreadingHTTPServer):
    """What was done, by kind and key: a key that comes again finds what it did before."""

    daemon_threads = True

    def __init__(self, port: int, slow_s: float) -> None:
        super().__init__(("127.0.0.1", port), Exchange)
        self.slow_s = slow_s
        self._done: dict[str, dict[str, dict[str, object]]] = {kind: {} for kind in KINDS}
        self._requests: Counter[str] = Counter()
        self._lock = threading.Lock()

    def act(self, kind: str, key: str, body: dict[str, object]) -> dict[str, object]:
        with self._lock:
            self._requests[kind] += 1
            number = len(self._done[kind]) + 1
            return self._done[kind].setdefault(key, {"id": f"{kind[:-1]}-{number}", **body})

    def counted(self) -> dict[str, object]:
        with self._lock:
            return {
                kind: {"done": list(self._done[kind].values()), "requests": self._requests[kind]}
                for kind in KINDS
            }


class Exchange(BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:
        self._answer(200, self.server.counted())

    def do_POST(self) -> None:
        kind, key = self.path.strip("/"), self.headers.get("Idempotency-Key")
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        if kind not in KINDS or not key:
            self._answer(400, {"error": f"POST one of {KINDS}, with an Idempotency-Key"})
            return
        done = self.server.act(kind, key, body)
        # It has happened. Who asked hears of it later, or dies waiting: try it with kill -9.
        time.sleep(self.server.slow_s)
        self._answer(201, done)

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
    Shop(given.port, given.slow).serve_forever()
