"""A small HTTP server on loopback that speaks the shape of OpenAI's API, well or badly."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typing_extensions import override

USAGE = {
    "prompt_tokens": 1_000,
    "completion_tokens": 100,
    "total_tokens": 1_100,
    "prompt_tokens_details": {"cached_tokens": 600},
    "completion_tokens_details": {"reasoning_tokens": 40},
}
ERRORS: dict[str, tuple[int, dict[str, object]]] = {
    "r429": (429, {"message": "slow down", "type": "rate_limit_error"}),
    "quota": (429, {"message": "You exceeded your current quota", "code": "insufficient_quota"}),
    "r500": (500, {"message": "oh"}),
    "r502": (502, {"message": "bad gateway"}),
    "r503": (503, {"message": "overloaded"}),
    "r401": (401, {"message": "bad key", "code": "invalid_api_key"}),
    "r403": (403, {"message": "not for you"}),
    "r404": (404, {"message": "no such model", "code": "model_not_found"}),
    "r400": (400, {"message": "bad field", "type": "invalid_request_error"}),
    "window": (400, {"message": "too long", "code": "context_length_exceeded"}),
    "policy": (
        400,
        {"message": "violates our content management policy", "code": "content_policy_violation"},
    ),
}


class Provider(ThreadingHTTPServer):
    """Counts the calls it gets, and the connections that stay open."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.calls: list[str] = []
        self.bodies: list[dict[str, object]] = []
        self.stopping = threading.Event()
        self.together = threading.Barrier(1)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    @override
    def handle_error(self, *_: object) -> None:
        """Say nothing: callers that hang up are what some tests are about."""


class _Conversation(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Provider

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.calls.append(body["model"])
        self.server.bodies.append(body)
        mode = body["model"]
        with suppress(OSError):
            if mode in ERRORS:
                status, error = ERRORS[mode]
                self._send(status, {"error": error})
            else:
                getattr(self, f"_{mode}")()

    @override
    def log_message(self, *_: object) -> None:
        """Keep the tests' output to themselves."""

    def _ok(self, **message: object) -> None:
        said = {"role": "assistant", "content": "hello"} | message
        choice = {"index": 0, "finish_reason": "stop", "message": said}
        self._send(200, self._completion(choice))

    def _together(self) -> None:
        """Answer nobody before all who are expected have asked."""
        self.server.together.wait(60)
        self._ok()

    def _refusal(self) -> None:
        self._ok(content=None, refusal="I will not")

    def _tools(self) -> None:
        call = {"name": "add", "arguments": '{"a": 1}'}
        self._ok(content=None, tool_calls=[{"id": "c1", "type": "function", "function": call}])

    def _cut(self) -> None:
        message = {"role": "assistant", "content": "hel"}
        self._send(
            200, self._completion({"index": 0, "finish_reason": "length", "message": message})
        )

    def _nochoice(self) -> None:
        self._send(200, self._completion())

    def _nousage(self) -> None:
        message = {"role": "assistant", "content": "hello"}
        body = self._completion({"index": 0, "finish_reason": "stop", "message": message})
        del body["usage"]
        self._send(200, body)

    def _garbage(self) -> None:
        self._write(200, b"<html>not json")

    def _hangup(self) -> None:
        self.close_connection = True

    def _stall(self) -> None:
        self.server.stopping.wait(30)

    def _drip(self) -> None:
        """Send a byte now and then: every read succeeds, and the whole never ends."""
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "100000")
        self.end_headers()
        while not self.server.stopping.wait(0.05):
            self.wfile.write(b" ")
            self.wfile.flush()

    def _completion(self, *choices: dict[str, object]) -> dict[str, object]:
        return {
            "id": "x",
            "object": "chat.completion",
            "created": 1,
            "model": "reported",
            "choices": list(choices),
            "usage": USAGE,
        }

    def _send(self, status: int, body: dict[str, object]) -> None:
        self._write(status, json.dumps(body).encode())

    def _write(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        if status == 429:
            self.send_header("retry-after", "7")
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def running_provider() -> Iterator[Provider]:
    server = Provider()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()
