"""GET /health/live and /health/ready: whether this process runs, and whether it can do its work."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from agent_workers.domain.errors import StateUnavailable
from agent_workers.state.database.schema import lacking
from agent_workers.state.jobs.reads import Reads
from agent_workers.transport.brokers.profiles import Broker, broker_of
from agent_workers.transport.doorbells.redis_bell import connected
from api.http.json_text import dumped
from api.http.replies import NO_STORE, JsonReply
from api.http.route import Reply, Room, Route
from api.process.threads import Threads

_AT = Room("/health")

_PATIENCE_S = 2.0
# What was told to end does so within moments.
_HUNG_S = 5.0
_AMQP_PORT = 5672
Check = Callable[[], str | None]


class LiveReply(TypedDict):
    status: Literal["ok"]


class CheckReply(TypedDict):
    status: Literal["ok", "failed"]
    detail: str | None


class ReadyReply(TypedDict):
    """Whether this server can do its work, by what each check of it found."""

    status: Literal["ready", "not_ready"]
    checks: dict[str, CheckReply]


_NOT_READY = Reply(model=ReadyReply, description="Not ready: `checks` says why")


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Each check returns None when all is well, or says what is not."""

    checks: Mapping[str, Check]
    threads: Threads

    @Route(_AT, "GET /live", "live", {200: LiveReply})
    async def live(self, _: Request) -> Response:
        """Whether this process runs."""
        return JsonReply(b'{"status":"ok"}', headers=[NO_STORE])

    @Route(_AT, "GET /ready", "ready", {200: ReadyReply, 503: _NOT_READY})
    async def ready(self, _: Request) -> Response:
        """Say 503 with what is missing; jobs are accepted all the same while only the broker is."""
        found = await asyncio.gather(*(self._ask(check) for check in self.checks.values()))
        said = {
            name: {"status": "ok" if wrong is None else "failed", "detail": wrong}
            for name, wrong in zip(self.checks, found, strict=True)
        }
        ready = all(wrong is None for wrong in found)
        body = dumped({"status": "ready" if ready else "not_ready", "checks": said})
        headers = [NO_STORE] if ready else [NO_STORE, (b"retry-after", b"2")]
        return JsonReply(body, status=200 if ready else 503, headers=headers)

    async def _ask(self, check: Check) -> str | None:
        try:
            return await asyncio.wait_for(self.threads.run(check), _PATIENCE_S)
        except TimeoutError:
            return "does not answer"


def database_check(reads: Reads) -> Check:
    def check() -> str | None:
        try:
            reads.schema_revision()
        except StateUnavailable:
            return "cannot be reached"
        return None

    return check


def migrations_check(reads: Reads, *, order: tuple[str, ...]) -> Check:
    """A schema newer than this code is fine: migrations work with the release before them."""

    def check() -> str | None:
        try:
            stands_at = reads.schema_revision()
        except StateUnavailable:
            return "unknown: the database cannot be reached"
        return lacking(stands_at, order)

    return check


def broker_check(broker_url: str) -> Check:
    match broker_of(broker_url):
        case Broker.REDIS:
            return lambda: _redis_answers(broker_url)
        case Broker.RABBITMQ:
            return lambda: _rabbitmq_answers(broker_url)


def threads_check(threads: Threads) -> Check:
    def check() -> str | None:
        return "all of them hang" if threads.hung_s >= _HUNG_S else None

    return check


def _redis_answers(broker_url: str) -> str | None:
    try:
        with closing(connected(broker_url)) as client:
            client.ping()
    except (RedisError, OSError):
        return "cannot be reached: jobs are accepted, and wait"
    return None


def _rabbitmq_answers(broker_url: str) -> str | None:
    parts = urlsplit(broker_url)
    place = (parts.hostname or "localhost", parts.port or _AMQP_PORT)
    try:
        with socket.create_connection(place, timeout=1) as connection:
            if parts.scheme != "amqps":
                connection.sendall(b"AMQP\x00\x00\x09\x01")
                connection.recv(1)
    except OSError:
        return "cannot be reached: jobs are accepted, and wait"
    return None
