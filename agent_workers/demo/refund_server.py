"""A small payment server that counts what it did per key, and is slow to say that it did it."""

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typing_extensions import override


@dataclass(slots=True, kw_only=True)
class Refund:
    """One refund, and how often it was asked for."""

    key: str
    order: dict[str, object]
    requests: int = 1


@dataclass(slots=True)
class Ledger:
    """Every refund by its key: a second request with a key finds the first one's refund."""

    refunds: dict[str, Refund] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def pay(self, key: str, order: dict[str, object]) -> Refund | None:
        """Pay, or find what was paid under this key; None when it was for another order."""
        with self.lock:
            known = self.refunds.get(key)
            if known is None:
                self.refunds[key] = Refund(key=key, order=order)
                return self.refunds[key]
            if known.order != order:
                return None
            known.requests += 1
            return known

    def counted(self) -> dict[str, object]:
        with self.lock:
            refunds = [asdict(refund) for refund in self.refunds.values()]
        requests = sum(refund.requests for refund in self.refunds.values())
        return {"refunds": len(refunds), "requests": requests, "by_key": refunds}


class Exchange(BaseHTTPRequestHandler):
    """One HTTP exchange with the ledger."""

    def __init__(self, *wire: object, ledger: Ledger, slow_s: float) -> None:
        self._ledger = ledger
        self._slow_s = slow_s
        super().__init__(*wire)  # type: ignore[arg-type]  # what the server hands in

    def do_GET(self) -> None:
        self._answer(200, self._ledger.counted())

    def do_POST(self) -> None:
        key = self.headers.get("Idempotency-Key", "")
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if not key:
            self._answer(400, {"error": "an Idempotency-Key is needed"})
            return
        refund = self._ledger.pay(key, json.loads(body))
        if refund is None:
            self._answer(422, {"error": "this key was used for another order"})
            return
        if refund.requests == 1:
            # The money has moved. Whoever asked learns it later, or dies waiting: that is the point.
            time.sleep(self._slow_s)
        self._answer(201, {"refund_id": f"re_{key[:12]}", **refund.order})

    @override
    def log_message(self, *_: object) -> None:
        """Say nothing: the ledger is the log."""

    def _answer(self, status: int, answer: dict[str, object]) -> None:
        written = json.dumps(answer).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)
        except (BrokenPipeError, ConnectionResetError):
            return  # the caller died waiting; the ledger knows all the same


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--slow", type=float, default=1.0, help="seconds between a payment and its first answer"
    )
    given = parser.parse_args(arguments)
    exchange = partial(Exchange, ledger=Ledger(), slow_s=given.slow)
    server = ThreadingHTTPServer(("127.0.0.1", given.port), exchange)
    server.daemon_threads = True
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.serve_forever(poll_interval=0.5)
    return 0


if __name__ == "__main__":
    sys.exit(main())
