"""A server on loopback that speaks as providers do: OpenAI, Azure, Anthropic, Ollama and Bedrock."""

import json
import struct
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import unquote

from typing_extensions import override

WORDS: Final = ("hel", "lo")
CALL: Final = {"name": "add", "arguments": {"a": 1}}


@dataclass
class Asked:
    """One request as it came."""

    path: str
    headers: Mapping[str, str]
    raw: bytes

    # Any: JSON of the provider's shape.
    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.raw)
        return found


@dataclass
class Answer:
    """What is sent back: whole, or piece by piece."""

    pieces: list[bytes]
    kind: str = "application/json"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Providers(ThreadingHTTPServer):
    """All of them at one address, told apart by their paths."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.asked: list[Asked] = []
        # What is said instead of an answer.
        self.refusal: Answer | None = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, asked: Asked) -> Answer:
        if self.refusal is not None:
            return self.refusal
        path = asked.path.partition("?")[0]
        if path.endswith("/chat/completions"):
            return _openai(asked.body)
        if path.endswith("/v1/embeddings"):
            return _embedded(asked.body)
        if path.endswith("/v1/messages"):
            return _anthropic(asked.body)
        if path == "/api/chat":
            return _ollama(asked.body)
        if path.startswith("/model/"):
            return _bedrock(unquote(path), asked.body)
        return Answer([b"{}"], status=404)


class _Talk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Providers

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.path, headers, raw)
        self.server.asked.append(asked)
        answer = self.server.answer(asked)
        self.send_response(answer.status)
        self.send_header("content-type", answer.kind)
        self.send_header("content-length", str(sum(map(len, answer.pieces))))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        for piece in answer.pieces:
            self.wfile.write(piece)
            self.wfile.flush()

    @override
    def log_message(self, *_: object) -> None:
        """Keep the tests' output to themselves."""


@contextmanager
def running_providers() -> Iterator[Providers]:
    server = Providers()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _json(body: object) -> Answer:
    return Answer([json.dumps(body).encode()])


def _events(events: Iterable[tuple[str, object]], *, end: str = "") -> Answer:
    named = [(f"event: {name}\n" if name else "", json.dumps(data)) for name, data in events]
    pieces = [f"{name}data: {data}\n\n".encode() for name, data in named]
    return Answer([*pieces, *([end.encode()] if end else [])], kind="text/event-stream")


# Any: as above; so below.
def _openai(body: dict[str, Any]) -> Answer:
    usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
    head = {"id": "x", "created": 1, "model": "served"}
    if body.get("stream"):
        said: list[tuple[str, object]] = [
            ("", {**head, "object": "chat.completion.chunk", "choices": [_delta(content=word)]})
            for word in WORDS
        ]
        last = {**head, "object": "chat.completion.chunk", "choices": [_delta("stop")]}
        told = {**head, "object": "chat.completion.chunk", "choices": [], "usage": usage}
        return _events([*said, ("", last), ("", told)], end="data: [DONE]\n\n")
    message: dict[str, Any] = {"role": "assistant", "content": "".join(WORDS)}
    if body.get("tools"):
        function = {"name": CALL["name"], "arguments": json.dumps(CALL["arguments"])}
        calls = [{"id": "c1", "type": "function", "function": function}]
        message = {"role": "assistant", "content": None, "tool_calls": calls}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return _json({**head, "object": "chat.completion", "choices": [choice], "usage": usage})


def _delta(finish: str | None = None, **delta: object) -> dict[str, object]:
    return {"index": 0, "finish_reason": finish, "delta": delta}


def _embedded(body: dict[str, Any]) -> Answer:
    rows = [
        {"object": "embedding", "index": number, "embedding": [1.0, float(number)]}
        for number in range(len(body["input"]))
    ]
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    return _json({"object": "list", "model": body["model"], "data": rows, "usage": usage})


def _anthropic(body: dict[str, Any]) -> Answer:
    usage = {"input_tokens": 10, "output_tokens": 2}
    head = {"id": "m", "type": "message", "role": "assistant", "model": "served"}
    if body.get("stream"):
        start: dict[str, Any] = {
            "message": {**head, "content": [], "stop_reason": None, "usage": usage}
        }
        words = [{"type": "text_delta", "text": word} for word in WORDS]
        events: list[tuple[str, dict[str, Any]]] = [
            ("message_start", start),
            ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
            *(("content_block_delta", {"index": 0, "delta": word}) for word in words),
            ("content_block_stop", {"index": 0}),
            ("message_delta", {"delta": {"stop_reason": "end_turn"}, "usage": usage}),
            ("message_stop", {}),
        ]
        return _events((name, {"type": name, **data}) for name, data in events)
    content: list[dict[str, Any]] = [{"type": "text", "text": "".join(WORDS)}]
    if body.get("tools"):
        wish = {"name": CALL["name"], "input": CALL["arguments"]}
        content = [{"type": "tool_use", "id": "c1", **wish}]
    return _json({**head, "content": content, "stop_reason": "end_turn", "usage": usage})


def _ollama(body: dict[str, Any]) -> Answer:
    head = {"model": body["model"], "created_at": "2026-01-01T00:00:00Z"}
    done = {"done": True, "done_reason": "stop", "prompt_eval_count": 10, "eval_count": 2}
    if body.get("stream"):
        said = [
            {**head, "message": {"role": "assistant", "content": word}, "done": False}
            for word in WORDS
        ]
        lines = [*said, {**head, "message": {"role": "assistant", "content": ""}, **done}]
        pieces = [json.dumps(line).encode() + b"\n" for line in lines]
        return Answer(pieces, kind="application/x-ndjson")
    message: dict[str, Any] = {"role": "assistant", "content": "".join(WORDS)}
    if body.get("tools"):
        message = {"role": "assistant", "content": "", "tool_calls": [{"function": CALL}]}
    return _json({**head, "message": message, **done})


def _bedrock(path: str, body: dict[str, Any]) -> Answer:
    usage = {"inputTokens": 10, "outputTokens": 2, "totalTokens": 12}
    if path.endswith("/converse-stream"):
        words = [{"delta": {"text": word}, "contentBlockIndex": 0} for word in WORDS]
        events = [
            ("messageStart", {"role": "assistant"}),
            *(("contentBlockDelta", word) for word in words),
            ("contentBlockStop", {"contentBlockIndex": 0}),
            ("messageStop", {"stopReason": "end_turn"}),
            ("metadata", {"usage": usage, "metrics": {"latencyMs": 1}}),
        ]
        frames = [_frame(name, event) for name, event in events]
        return Answer(frames, kind="application/vnd.amazon.eventstream")
    content: list[dict[str, Any]] = [{"text": "".join(WORDS)}]
    if body.get("toolConfig"):
        wish = {"toolUseId": "c1", "name": CALL["name"], "input": CALL["arguments"]}
        content = [{"toolUse": wish}]
    message = {"message": {"role": "assistant", "content": content}}
    told = {"stopReason": "end_turn", "usage": usage, "metrics": {"latencyMs": 1}}
    return _json({"output": message, **told})


def _frame(name: str, event: object) -> bytes:
    """Write an event as AWS streams it: lengths, headers, JSON, each with its checksum."""
    told = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        bytes([len(key)]) + key.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for key, value in told.items()
    )
    payload = json.dumps(event).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    frame = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return frame + struct.pack(">I", zlib.crc32(frame))
