"""The external judge: a process of its own that counts effects, and can be as bad as any API."""

import argparse
import json
import os
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from struct import pack
from typing import IO, Any
from urllib.parse import parse_qs, unquote, urlsplit

from typing_extensions import override

from agent_workers.testing.conduct import CONDUCTS

# Closing then sends a reset instead of an orderly end.
_RESET = pack("ii", 1, 0)


@dataclass(slots=True)
class Subject:
    """What was done in the name of one effect, as the world outside sees it."""

    # (key, result, when it shows in look-ups, and how often)
    applied: list[tuple[str, str, float, int]] = field(default_factory=list)
    bodies: dict[str, str] = field(default_factory=dict)
    requests: int = 0
    reads: int = 0
    key_conflicts: int = 0
    # What to do with the next requests, in the words of `conduct.py`.
    script: list[str] = field(default_factory=list)
    key_ttl_s: float = 3600.0
    shows_after_s: float = 0.0

    def counted(self) -> dict[str, object]:
        return {
            "applied": len(self.applied),
            "keys": len({key for key, *_ in self.applied}),
            "requests": self.requests,
            "reads": self.reads,
            "key_conflicts": self.key_conflicts,
        }


class Ledger:
    """All effects, in memory and, line by line, in a file."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._subjects: dict[str, Subject] = {}
        self._lock = threading.Lock()

    def prepare(self, name: str, script: list[str], key_ttl_s: float, shows_after_s: float) -> None:
        with self._lock:
            subject = self._of(name)
            subject.script = script
            subject.key_ttl_s, subject.shows_after_s = key_ttl_s, shows_after_s

    def next_fault(self, name: str) -> str:
        with self._lock:
            subject = self._of(name)
            subject.requests += 1
            return subject.script.pop(0) if subject.script else ""

    def apply(self, name: str, key: str, body: str, *, honours: bool, shows: int) -> str:
        """Let the effect happen and return its result; a known key gives the first result.

        Whoever sends no key has it happen each time, as at any provider.
        """
        with self._lock:
            subject, now = self._of(name), time.monotonic()
            if subject.bodies.setdefault(key, body) != body:
                subject.key_conflicts += 1
            if honours and key:
                for known, result, at, _ in subject.applied:
                    lives = now - (at - subject.shows_after_s) < subject.key_ttl_s
                    if known == key and lives:
                        return result
            result = f"{name}#{len(subject.applied) + 1}"
            subject.applied.append((key, result, now + subject.shows_after_s, shows))
            self._file.write(json.dumps([name, key, result]) + "\n")
            self._file.flush()
            return result

    def find(self, name: str, key: str) -> list[str]:
        with self._lock:
            now = time.monotonic()
            return [
                result
                for known, result, shows_at, shows in self._of(name).applied
                if known == key and shows_at <= now
                for _ in range(shows)
            ]

    def read(self, name: str) -> int:
        with self._lock:
            self._of(name).reads += 1
            return self._of(name).reads

    def counts(self) -> dict[str, dict[str, object]]:
        with self._lock:
            return {name: subject.counted() for name, subject in self._subjects.items()}

    def count(self, name: str) -> dict[str, object]:
        with self._lock:
            return self._of(name).counted()

    def _of(self, name: str) -> Subject:
        return self._subjects.setdefault(name, Subject())


class _Window(BaseHTTPRequestHandler):
    """HTTP: `/effects/NAME`, `/reads/NAME`, `/script/NAME`, `/count/NAME`, `/counts`."""

    ledger: Ledger

    def do_GET(self) -> None:
        place, name, query = self._asked()
        match place:
            case "effects":
                self._answer(200, {"found": self.ledger.find(name, query.get("key", ""))})
            case "reads":
                self._answer(200, {"result": f"read {self.ledger.read(name)}"})
            case "count":
                self._answer(200, self.ledger.count(name))
            case "counts":
                self._answer(200, self.ledger.counts())
            case _:
                self._answer(404, {})

    def do_POST(self) -> None:
        place, name, query = self._asked()
        length = int(self.headers.get("Content-Length", "0"))
        sent = self.rfile.read(length)
        if len(sent) < length:
            return  # whoever sent it died over it: half a request asks for nothing
        if place == "script":
            self._prepare(name, json.loads(sent))
        elif place == "effects":
            self._act(name, query, sent.decode())
        else:
            self._answer(404, {})

    # Any: JSON, as `counting.prepare` writes it.
    def _prepare(self, name: str, wish: dict[str, Any]) -> None:
        script = list(wish.get("script", []))
        if not set(script) <= CONDUCTS.keys():
            self._answer(404, {})
            return
        lives_s, shows_after_s = wish.get("key_ttl_s", 3600.0), wish.get("shows_after_s", 0.0)
        self.ledger.prepare(name, script, float(lives_s), float(shows_after_s))
        self._answer(200, {})

    def _act(self, name: str, query: dict[str, str], body: str) -> None:
        conduct = CONDUCTS[self.ledger.next_fault(name)]
        honours = query.get("keyed") == "1" and conduct.knows_key
        key = query.get("key") or self.headers.get("Idempotency-Key") or ""
        if conduct.late_s:
            self._reset()
            time.sleep(conduct.late_s)
        told: dict[str, str] = {"error": "not done"}
        if conduct.happens:
            shows = conduct.shows
            told = {"result": self.ledger.apply(name, key, body, honours=honours, shows=shows)}
        time.sleep(conduct.slow_s)
        if conduct.status:
            self._answer(conduct.status, told)
        elif not conduct.late_s:
            self._reset()

    def _asked(self) -> tuple[str, str, dict[str, str]]:
        parts = urlsplit(self.path)
        place, _, name = parts.path.lstrip("/").partition("/")
        query = {word: values[0] for word, values in parse_qs(parts.query).items()}
        return place, unquote(name), query

    def _answer(self, status: int, value: object) -> None:
        written = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)

    def _reset(self) -> None:
        self.connection.setsockopt(SOL_SOCKET, SO_LINGER, _RESET)
        self.connection.close()

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients are killed all the time; that is what this is for."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, required=True, help="where every effect is written")
    given = parser.parse_args(arguments)
    with given.file.open("a") as file:
        window = type("Window", (_Window,), {"ledger": Ledger(file)})
        server = _Server(("127.0.0.1", 0), window)
        threading.Thread(target=_end_with_owner, daemon=True).start()
        print(server.server_address[1], flush=True)  # noqa: T201 (how its owner learns the port)
        server.serve_forever()
    return 0


def _end_with_owner() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    raise SystemExit(main())
