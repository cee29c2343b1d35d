"""MCP servers behind URLs: plain answers and events, sessions that end, and what misbehaves."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from typing_extensions import override

from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.mcp.call import McpRefused, McpSaid, McpSilent
from agent_workers.domain.mcp.servers import McpServer
from agent_workers.domain.outside.reach import Reach, networks_of
from agent_workers.execution.mcp.troubles import Trouble
from agent_workers.execution.outside.calling import Caller
from tests.integration.mcp.world import CALL, PATIENCE, World

TOOLS = ["echo", "events", "huge", "garbled", "hang", "down", "denied", "moved", "ended", "cut"]
NETWORK = networks_of(("127.0.0.0/8",))


@dataclass(slots=True)
class Heard:
    """What the server was sent, and which sessions it still knows."""

    headers: list[dict[str, str]] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)


class Site(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        self.heard = Heard()
        self.let_go = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/mcp"


class Page(BaseHTTPRequestHandler):
    server: Site

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.heard.headers.append({k.lower(): v for k, v in self.headers.items()})
        known = self.server.heard.sessions
        if asked["method"] == "initialize":
            known.append(f"session-{len(known)}")
            protocol = asked["params"]["protocolVersion"]
            about = {"name": "site", "version": "1"}
            result = {"protocolVersion": protocol, "capabilities": {}, "serverInfo": about}
            self._answer(asked["id"], result, session=known[-1])
        elif self.headers["mcp-session-id"] != known[-1]:
            self._say(404, b"")
        elif "id" not in asked:
            self._say(202, b"")
        elif asked["method"] == "tools/list":
            self._answer(asked["id"], {"tools": [{"name": n, "inputSchema": {}} for n in TOOLS]})
        else:
            self._act(asked["params"]["name"], asked["id"])

    def do_DELETE(self) -> None:
        self._say(405, b"")

    def _act(self, name: str, number: int) -> None:
        result = {"content": [{"type": "text", "text": name}]}
        told = {"jsonrpc": "2.0", "id": number, "result": result}
        note = {"jsonrpc": "2.0", "method": "notifications/message", "params": {}}
        events = b"".join(b"data: %s\n\n" % json.dumps(one).encode() for one in (note, told))
        if name == "hang":
            self.server.let_go.wait(60)
        elif name == "ended":
            self.server.heard.sessions.append("of somebody else")
        elif name == "moved":
            self._say(307, b"", location="http://169.254.169.254/")
            return
        answers: dict[str, tuple[int, bytes, str]] = {
            "events": (200, events, "text/event-stream"),
            "cut": (200, events[:-20], "text/event-stream"),
            "huge": (200, b" " * (8 << 20), "application/json"),
            "garbled": (200, b"<html>", "application/json"),
            "down": (500, b"", "text/plain"),
            "denied": (401, b"", "text/plain"),
        }
        plain = (200, json.dumps(told).encode(), "application/json")
        self._say(*answers.get(name, plain))

    def _answer(self, number: int, result: object, *, session: str = "") -> None:
        body = json.dumps({"jsonrpc": "2.0", "id": number, "result": result}).encode()
        more = {"mcp-session-id": session} if session else {}
        self._say(200, body, **more)

    def _say(self, status: int, body: bytes, kind: str = "application/json", **more: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        for name, value in more.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):  # who has heard enough hangs up
            self.wfile.write(body)

    # Any: as the standard library declares it.
    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site() as served:
        thread = threading.Thread(target=served.serve_forever, daemon=True)
        thread.start()
        yield served
        served.let_go.set()
        served.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    caller = Caller(reach=Reach(private=NETWORK), context=ssl.create_default_context())
    made = World(http=caller, secrets={"MCP_TOKEN": "t0ken-of-the-site"})
    yield made
    made.servers.close()


def reached(site: Site) -> McpServer:
    headers = {"authorization": "Bearer ${MCP_TOKEN}"}
    return McpServer(tenant_id=EVERYBODY, name="site", url=site.url, headers=headers)


@pytest.mark.parametrize("name", ["echo", "events"])
def test_an_answer_is_json_or_events(world: World, site: Site, name: str) -> None:
    reply = world.servers.call(world.tool(reached(site), name), {}, CALL)
    assert reply == McpSaid(value=name)
    last = site.heard.headers[-1]
    assert last["authorization"] == "Bearer t0ken-of-the-site"
    assert last["mcp-protocol-version"] == "2025-11-25"


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("huge", McpSilent, "mcp_too_much"),
        ("garbled", McpSilent, "mcp_garbled"),
        ("cut", McpSilent, "mcp_garbled"),
        ("down", McpSilent, "mcp_died"),
        ("denied", McpRefused, "mcp_unreachable"),
        ("moved", McpRefused, "mcp_unreachable"),
    ],
)
def test_what_misbehaves_comes_to_a_clear_outcome(
    world: World, site: Site, name: str, kind: type[McpSilent | McpRefused], code: str
) -> None:
    reply = world.servers.call(world.tool(reached(site), name), {}, CALL)
    assert isinstance(reply, kind)
    assert reply.code == code
    assert world.servers.call(world.tool(reached(site), "echo"), {}, CALL) == McpSaid(value="echo")


def test_a_server_that_does_not_answer_costs_the_tools_own_time(world: World, site: Site) -> None:
    tool = world.tool(reached(site), "hang")
    world.servers.call(world.tool(reached(site), "echo"), {}, CALL)
    short = replace(tool, terms=replace(tool.terms, timeout=timedelta(seconds=1)))
    reply = world.servers.call(short, {}, CALL)
    assert isinstance(reply, McpSilent)


def test_a_session_that_the_server_has_ended_is_begun_anew(world: World, site: Site) -> None:
    world.servers.call(world.tool(reached(site), "ended"), {}, CALL)
    first = world.servers.call(world.tool(reached(site), "echo"), {}, CALL)
    assert isinstance(first, McpRefused)
    assert first.retryable
    again = world.servers.call(world.tool(reached(site), "echo"), {}, CALL)
    assert again == McpSaid(value="echo")


def test_a_private_address_is_not_called(site: Site) -> None:
    strict = World(http=Caller(reach=Reach(), context=ssl.create_default_context()))
    with pytest.raises(Trouble, match="not public"):
        strict.servers.discover(replace(reached(site), headers={}), PATIENCE)
