"""A real server of the API in a thread of the test, and short ways to call it."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from agent_workers.domain.ids import TenantId
from agent_workers.settings import Settings
from agent_workers.state.access.grants import Role
from agent_workers.state.access.keys import Keys
from agent_workers.state.catalogue.agents import Agents, Registered
from agent_workers.state.database.engine import PAGE_BYTES, Database
from agent_workers.transport.shared.wake import Wakeups
from api.app import create_app
from api.process.server import Server, make_server
from tests.integration.api.contract import CONTRACT, Observing
from tests.support.database import roles

PEPPER = "a pepper for tests only"
AGENT = "demo"
PATIENCE_S = 20.0
GRACE_S = 15


@dataclass(frozen=True, kw_only=True)
class Live:
    """A server that answers, and the keys to it."""

    url: str
    database: Database
    server: Server

    def token(self, tenant: TenantId, **options: Any) -> str:
        return Keys(self.database, pepper=PEPPER).create(tenant, **options).token

    @contextmanager
    def client(self, tenant: TenantId) -> Iterator[httpx.Client]:
        headers = {"authorization": f"Bearer {self.token(tenant)}"}
        with httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE_S) as client:
            yield client

    @property
    def place(self) -> tuple[str, int]:
        url = httpx.URL(self.url)
        return url.host, url.port or 80


@contextmanager
def running_api(
    database: Database, broker_url: str, *, page_bytes: int = PAGE_BYTES, **given: Any
) -> Iterator[Live]:
    """Serve on a free port until the end of the block."""
    Agents(database).register([Registered(name=AGENT, version="1", plan_timeout_ms=60_000)])
    # Where no logs are set up, they would come between what commands of a test print.
    quiet = {"log_requests": False} | given
    url = roles(database)[Role.API]
    settings = Settings(database_url=url, broker_url=broker_url, secret_pepper=PEPPER, **quiet)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        app = create_app(settings, page_bytes=page_bytes)
        app.add_middleware(Observing, contract=CONTRACT)
        server = make_server(app, host="127.0.0.1", port=port, grace_s=GRACE_S)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        until(lambda: server.started or not thread.is_alive())
        assert server.started
        try:
            yield Live(url=f"http://127.0.0.1:{port}", database=database, server=server)
        finally:
            server.should_exit = True
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


@contextmanager
def waking(redis_url: str) -> Iterator[Wakeups]:
    wakeups = Wakeups(redis_url)
    try:
        yield wakeups
    finally:
        wakeups.close()


def until(true: Callable[[], object], *, patience_s: float = PATIENCE_S) -> None:
    """Wait for a condition, with a deadline."""
    end = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def submit(client: httpx.Client, **members: Any) -> dict[str, Any]:
    """Submit a job that is expected to be taken."""
    body = {"agent": AGENT, "input": "hello", **members}
    reply = client.post("/v1/jobs", json=body)
    assert reply.status_code == 202, reply.text
    job: dict[str, Any] = reply.json()
    return job


def is_problem(reply: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that a reply is this problem, with all that every problem has."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = reply.json()
    assert problem["code"] == code, problem
    assert problem["status"] == status
    assert problem["request_id"] == reply.headers["x-request-id"]
    assert problem["error"]["code"] == code
    return problem
