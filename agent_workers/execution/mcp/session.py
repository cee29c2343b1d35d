"""A session with one server: the handshake, what it offers, and calls of its tools."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from agent_workers.domain.mcp.servers import Definition
from agent_workers.execution.mcp.offered import Offer, offered_by
from agent_workers.execution.mcp.ports import Left, Link, Result
from agent_workers.execution.mcp.troubles import Garbled, Unreachable

# Versions of the protocol that begin with a handshake; what we use of them is the same in all.
_SPOKEN: Final = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
_LIST_EVERY_S: Final = 300.0
_KEY: Final = "agent-workers/idempotency-key"
_LIST_CHANGED: Final = "notifications/tools/list_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What a tool gave: its structured result, or its words and what stands for the rest."""

    value: object
    is_error: bool


class News:
    """What a server tells unasked: only that its tools are others now."""

    def __init__(self) -> None:
        self._changed = threading.Event()

    def __call__(self, method: str) -> None:
        if method == _LIST_CHANGED:
            self._changed.set()

    def taken(self) -> bool:
        """Say whether the tools were changed since this was asked last."""
        if not self._changed.is_set():
            return False
        self._changed.clear()
        return True


class Session:
    """Many threads may call at the same time; the server tells answers apart by numbers."""

    def __init__(self, link: Link, news: News, left: Left) -> None:
        self._link = link
        self._news = news
        _shake_hands(link, left)
        self.offered, self.wrong = offered_by(link, left)
        self._listed_at = time.monotonic()

    @property
    def is_open(self) -> bool:
        return self._link.is_open

    def close(self) -> None:
        self._link.close()

    def definition(self, name: str, left: Left) -> Definition | None:
        """Return what the server says of a tool at this very moment, as far as it tells."""
        if self._news.taken() or time.monotonic() - self._listed_at > _LIST_EVERY_S:
            self.offered, self.wrong = offered_by(self._link, left)
            self._listed_at = time.monotonic()
        found = self.offered.get(name)
        return None if found is None else found[0]

    def offers(self) -> list[Offer]:
        return list(self.offered.values())

    def call(self, name: str, arguments: Mapping[str, object], key: str, left: Left) -> ToolResult:
        """Call a tool; raises `Trouble`."""
        asked = {"name": name, "arguments": dict(arguments), "_meta": {_KEY: key}}
        return _read(self._link.ask("tools/call", asked, left))


def _shake_hands(link: Link, left: Left) -> None:
    about = {"name": "agent-workers", "version": "1"}
    asked = {"protocolVersion": _SPOKEN[0], "capabilities": {}, "clientInfo": about}
    said = link.ask("initialize", asked, left)
    protocol = said.get("protocolVersion")
    if protocol not in _SPOKEN:
        raise Unreachable(
            f"it speaks version {str(protocol)[:40]!r} of MCP, which is not supported"
        )
    link.agree(str(protocol))
    link.tell("notifications/initialized", left)


def _read(said: Result) -> ToolResult:
    content = said.get("content", [])
    if not isinstance(content, list):
        raise Garbled("the content of its result is not a list", was_sent=True)
    structured = said.get("structuredContent")
    return ToolResult(
        value=structured if isinstance(structured, dict) else _shown(content),
        is_error=said.get("isError") is True,
    )


# Any: JSON of the server's shape.
def _shown(content: list[Any]) -> object:
    """Return the text where there is nothing else; pictures and sounds are named, not carried."""
    parts = [_part(one) for one in content if isinstance(one, dict)]
    if all(isinstance(part, str) for part in parts):
        return "\n".join(map(str, parts))
    return {"content": parts}


# Any: as above.
def _part(told: Mapping[str, Any]) -> object:
    if told.get("type") == "text" and isinstance(told.get("text"), str):
        return told["text"]
    left_out = {"data", "blob"}
    resource = told.get("resource")
    shown = {name: value for name, value in told.items() if name not in left_out}
    if isinstance(resource, dict):
        inner = {name: value for name, value in resource.items() if name not in left_out}
        shown["resource"] = inner
    return shown
