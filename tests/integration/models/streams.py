"""A small HTTP server on loopback that streams as OpenAI's API does, to the end or not."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typing_extensions import override

USAGE = {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100}
WORDS = ("Half ", "an ", "answer")
CALLS = (
    {"index": 0, "id": "c1", "type": "function", "function": {"name": "add", "arguments": ""}},
    {"index": 0, "function": {"arguments": '{"a":'}},
    {"index": 0, "function": {"arguments": " 1}"}},
    {"index": 1, "id": "c2", "type": "function", "function": {"name": "add", "arguments": "{}"}},
)


class Streaming(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.bodies: list[dict[str, object]] = []
        self.stopping = threading.Event()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    @override
    def handle_error(self, *_: object) -> None:
        """Say nothing: callers that hang up are what some tests are about."""


class _Conversation(BaseHTTPRequestHandler):
    server: Streaming  # HTTP/1.0: the end of the connection is the end of the body

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.bodies.append(body)
        with suppress(OSError):
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            getattr(self, f"_{body['model']}")()

    @override
    def log_message(self, *_: object) -> None:
        """Keep the tests' output to themselves."""

    def _ok(self) -> None:
        for word in WORDS:
            self._delta(content=word)
        self._end("stop")

    def _tools(self) -> None:
        for call in CALLS:
            self._delta(tool_calls=[call])
        self._end("tool_calls")

    def _refusal(self) -> None:
        self._delta(refusal="I will ")
        self._delta(refusal="not")
        self._end("stop")

    def _length(self) -> None:
        self._delta(content="Half ")
        self._end("length")

    def _nousage(self) -> None:
        self._delta(content="hello")
        self._end("stop", usage=False)

    def _broken(self) -> None:
        """Say half of it, then an error in the stream, as providers do when they are overloaded."""
        self._delta(content="Half ")
        self._write({"error": {"message": "overloaded", "type": "server_error", "code": 503}})

    def _drip(self) -> None:
        while not self.server.stopping.wait(0.05):
            self._delta(content=".")

    def _delta(self, **delta: object) -> None:
        self._chunk([{"index": 0, "delta": delta, "finish_reason": None}])

    def _end(self, reason: str, *, usage: bool = True) -> None:
        self._chunk([{"index": 0, "delta": {}, "finish_reason": reason}])
        if usage:
            self._chunk([], usage=USAGE)
        self.wfile.write(b"data: [DONE]\n\n")

    def _chunk(self, choices: list[dict[str, object]], **more: object) -> None:
        chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "reported"}
        self._write(chunk | {"choices": choices} | more)

    def _write(self, value: object) -> None:
        self.wfile.write(f"data: {json.dumps(value)}\n\n".encode())
        self.wfile.flush()


@contextmanager
def running_streams() -> Iterator[Streaming]:
    server = Streaming()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()
