"""The tutorial and the help with troubles work as they stand: their files, commands, and output."""

import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typing_extensions import override

from agent_workers.embedded.ports import free_ports
from tests.acceptance.pages import reader
from tests.acceptance.systems import end_all, environment
from tests.support.repository import ROOT

DOCS = ROOT / "docs"
pytestmark = pytest.mark.slow


def test_every_step_of_the_tutorial_works_as_the_page_says(tmp_path: Path) -> None:
    with model_of_the_shop() as address:
        read(DOCS / "tutorial.md", tmp_path, OPENAI_BASE_URL=address)


def test_every_trouble_looks_as_its_page_says(tmp_path: Path) -> None:
    read(DOCS / "troubleshooting.md", tmp_path)


def read(page: Path, folder: Path, **variables: str) -> None:
    """Do what the page says, in a folder of its own and on ports that are free."""
    ports = dict(zip(("8000", "9100", "9200"), free_ports(3), strict=True))
    bare = {name: one for name, one in environment().items() if not name.startswith("OPENAI_")}
    path = os.pathsep.join([str(Path(sys.executable).parent), bare["PATH"]])
    given = {"PATH": path, "AGENT_API_PORT": str(ports["8000"])}
    with reader(folder, bare | given | variables, ports) as newcomer:
        try:
            newcomer.read(page)
        finally:
            newcomer.close()
            end_all(folder / ".agent-workers")


class ShopModel(BaseHTTPRequestHandler):
    """Speaks OpenAI's protocol: looks the order up, pays it back, and says so."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        assert self.headers["Authorization"] == "Bearer sk-your-key"
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        written = json.dumps(completion(asked["messages"])).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)

    @override
    def log_message(self, *_: object) -> None:
        """Keep the test's output to itself."""


def completion(messages: list[dict[str, str]]) -> dict[str, object]:
    last = messages[-1]
    if last["role"] != "tool":
        [order] = re.findall(r"A-\d+", last["content"])
        message = calling("read_order", {"order_id": order})
    elif "refund_id" in last["content"]:
        message = {"content": "It was paid back."}
    elif "What did" in json.dumps(messages):
        message = {"content": "It cost 99 euros."}
    else:
        message = calling("refund", json.loads(last["content"]))
    finish = "tool_calls" if "tool_calls" in message else "stop"
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant"} | message}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    head = {"id": "x", "object": "chat.completion", "created": 1, "model": "gpt-5-mini"}
    return head | {"choices": [choice], "usage": usage}


def calling(name: str, arguments: dict[str, object]) -> dict[str, object]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"content": None, "tool_calls": [{"id": "c1", "type": "function", "function": function}]}


@contextmanager
def model_of_the_shop() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), ShopModel)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
