"""What a large message or letter costs is paid in a thread, not by all who wait for the event loop."""

import asyncio
import base64
import json
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.domain.ids import DEAD_LETTER_ID, TenantId
from agent_workers.domain.triggers.event import CloudEvent
from agent_workers.domain.triggers.message import ONE, Message
from agent_workers.orchestration.triggers.arriving import Arrived
from agent_workers.orchestration.triggers.intake import Intake, Receipt
from agent_workers.state.access.keys import Caller
from agent_workers.state.triggers.dead_letters import Letters, LetterSeen, LetterState
from api.http.cursors import Cursors
from api.http.paging import Pages
from api.process.threads import Threads
from api.triggers.dead_letters import DeadLetterRoutes
from api.triggers.intake import EventIntake

NOW = datetime(2030, 1, 1, tzinfo=UTC)
EVENT = b'{"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}'


class Watched:
    """Stands for what is large; notes in which thread it is read."""

    def __init__(self) -> None:
        self.read_in: set[str] = set()

    @property
    def body(self) -> bytes:
        self.read_in.add(threading.current_thread().name)
        return b"large"

    @property
    def headers(self) -> Mapping[str, str]:
        return {}

    @property
    def mistakes(self) -> Mapping[str, str]:
        self.read_in.add(threading.current_thread().name)
        return {}

    started, more_mistakes = (), 0
    event = CloudEvent(id="1", source="/s", type="t", members={})


class Shelf:
    """Letters, of which there is one."""

    def __init__(self, message: Watched) -> None:
        self._message = message

    def one(self, tenant_id: TenantId, letter_id: UUID) -> LetterSeen:
        assert tenant_id == "acme"
        return LetterSeen(
            letter_id=letter_id,
            origin="http",
            code="template_failed",
            detail="",
            state=LetterState.DEAD,
            times=1,
            created_at=NOW,
            last_at=NOW,
            replayed_at=None,
            content_type=ONE,
            size=5,
            message=cast("Message", self._message),
        )


class Gate:
    """An intake that answers with one receipt."""

    def __init__(self, receipt: Watched) -> None:
        self._receipt = receipt
        self.taken_in = ""

    def take(self, tenant_id: TenantId, arrived: Arrived) -> list[Receipt]:
        assert (tenant_id, len(arrived.events)) == ("acme", 1)
        self.taken_in = threading.current_thread().name
        return [cast("Receipt", self._receipt)]


# Any: what the reply says.
def replied(route: Callable[[Request], Awaitable[Response]], **place: str) -> Any:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": EVENT, "more_body": False}

    scope = {
        "type": "http",
        "method": "POST",
        "query_string": b"",
        "headers": [(b"content-type", ONE.encode())],
        "path_params": place,
        "caller": Caller(tenant_id=TenantId("acme"), key_id="k", scopes=frozenset()),
    }

    async def answered() -> Response:
        return await route(Request(scope, receive))

    return json.loads(bytes(asyncio.run(answered()).body))


@contextmanager
def one_thread() -> Iterator[Threads]:
    threads = Threads(1)
    try:
        yield threads
    finally:
        threads.close()


def test_a_letter_is_written_in_a_thread() -> None:
    large = Watched()
    with one_thread() as threads:
        routes = DeadLetterRoutes(
            letters=cast("Letters", Shelf(large)),
            intake=cast("Intake", None),
            pages=Pages(cursors=Cursors("pepper", listing="dead_letters"), threads=threads),
            threads=threads,
        )
        shown = replied(routes.show, letter_id=DEAD_LETTER_ID.written(uuid4()))
    assert base64.b64decode(shown["body_base64"]) == b"large"
    assert large.read_in == {"api_0"}


def test_events_are_taken_and_answered_in_a_thread() -> None:
    large = Watched()
    gate = Gate(large)
    with one_thread() as threads:
        intake = EventIntake(intake=cast("Intake", gate), threads=threads)
        assert replied(intake.take)["object"] == "event_receipt"
    assert (gate.taken_in, large.read_in) == ("api_0", {"api_0"})
