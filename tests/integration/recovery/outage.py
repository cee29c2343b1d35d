"""A server outside that is down until it is healed, and remembers who called it, and how."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typing_extensions import override

_TAKES_S = 0.15


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: when it came and went, from which process, under which key."""

    path: str
    key: str
    pid: int
    came: float
    went: float
    status: int


@dataclass(slots=True)
class Outage:
    """What the server does, and what it has seen; `hangs` holds every reply back."""

    url: str = ""
    down: bool = True
    hangs: bool = False
    asked: list[Asked] = field(default_factory=list)
    # The processes of those requests whose reply is held back.
    held: list[int] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def served(self, path: str = "") -> list[Asked]:
        with self.lock:
            return [one for one in self.asked if one.status == 200 and one.path.startswith(path)]

    def keys(self, path: str) -> list[str]:
        return [one.key for one in self.served(path)]

    def overlapping(self, since: float) -> int:
        """The most requests that were there at one moment, of those that came after this."""
        with self.lock:
            late = [one for one in self.asked if one.came > since]
        return max((sum(a.came <= b.came < a.went for a in late) for b in late), default=0)


def _handler(outage: Outage) -> type[BaseHTTPRequestHandler]:
    class Handling(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = json.loads(self.rfile.read(int(self.headers["content-length"])))
            came, pid = time.monotonic(), said["pid"]
            if outage.hangs:
                outage.held.append(pid)
                outage.let_go.wait(60)
            time.sleep(_TAKES_S)
            fails = outage.down and not self.path.startswith("/other")
            status = 503 if fails else 200
            with outage.lock:
                went = time.monotonic()
                outage.asked.append(Asked(self.path, said["key"], pid, came, went, status))
            body = json.dumps({"path": self.path}).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:  # its worker was killed
                self.close_connection = True

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handling


@contextmanager
def running_outage() -> Iterator[Outage]:
    outage = Outage()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(outage))
    server.daemon_threads = True
    outage.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield outage
    finally:
        outage.let_go.set()
        server.shutdown()
        thread.join()
        server.server_close()
