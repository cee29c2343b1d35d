"""The watched machine: services that fail until they are restarted, and a desk for tickets."""

import argparse
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typing_extensions import override


class Machine(ThreadingHTTPServer):
    """It restarts whenever it is told to, keys or not, but it keeps a list of who told it."""

    daemon_threads = True

    def __init__(self, port: int, slow_s: float) -> None:
        super().__init__(("127.0.0.1", port), Exchange)
        self.slow_s = slow_s
        self._restarts: list[dict[str, object]] = []
        self._tickets: dict[str, dict[str, object]] = {}
        self._lock = threading.Lock()

    def restart(self, asked: dict[str, object]) -> dict[str, object]:
        with self._lock:
            self._restarts.append({"number": len(self._restarts) + 1, **asked})
            return self._restarts[-1]

    def ticket(self, asked: dict[str, object]) -> dict[str, object]:
        with self._lock:
            ticket = {"id": f"ticket-{len(self._tickets) + 1}", **asked}
            return self._tickets.setdefault(str(asked["key"]), ticket)

    def counted(self) -> dict[str, object]:
        with self._lock:
            tickets = list(self._tickets.values())
            running = sorted({str(restart["service"]) for restart in self._restarts})
            return {"running": running, "restarts": list(self._restarts), "tickets": tickets}


class Exchange(BaseHTTPRequestHandler):
    server: Machine

    def do_GET(self) -> None:
        self._answer(200, self.server.counted())

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        acts = {"/restarts": self.server.restart, "/tickets": self.server.ticket}
        if self.path not in acts:
            self._answer(404, {"error": f"POST one of {', '.join(acts)}"})
            return
        done = acts[self.path](asked)
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
    Machine(given.port, given.slow).serve_forever()
