"""One line for each request, with what one needs to find it again, and nothing that is secret."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from agent_workers.domain.ids import TenantId
from agent_workers.state.access.keys import Caller
from api.http.door import Door
from api.process.cached import Cached

_TOKEN = b"aw_live_abcdefgh_0123456789"
_JOB = "0190163d8694739bab0d5bd0f0d38bb6"
_ANN = Caller(tenant_id=TenantId("acme"), key_id="abcdefgh", scopes=frozenset())


class Route:
    path = "/v1/jobs/{job_id}"


async def _find(token: bytes) -> Caller | None:
    return _ANN if token == _TOKEN else None


def asked(
    path: str, *, token: bytes = _TOKEN, status: int = 200, log_requests: bool = True
) -> Mapping[str, Any] | None:
    """Ask for a path of an app that answers with this status; return what was logged."""

    async def app(scope: Scope, _: Receive, send: Send) -> None:
        scope["route"], scope["path_params"] = Route(), {"job_id": _JOB}
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Message) -> None:
        pass

    door = Door(app, callers=Cached(_find, ttl_s=1), log_requests=log_requests)
    headers = [(b"x-api-key", token), (b"x-request-id", b"mine")]
    scope = {"type": "http", "method": "GET", "path": path, "headers": headers}
    with capture_logs() as logs:
        asyncio.run(door(scope, receive, send))
    return next((entry for entry in logs if entry["event"] == "request"), None)


def test_a_request_is_said_with_its_route_its_answer_and_whose_key_it_was() -> None:
    said = asked(f"/v1/jobs/job_{_JOB}")
    assert said is not None
    assert said.pop("ms") >= 0  # type: ignore[attr-defined]
    assert said == {
        "event": "request",
        "log_level": "info",
        "method": "GET",
        "route": "/v1/jobs/{job_id}",
        "status": 200,
        "request_id": "mine",
        "job_id": f"job_{_JOB}",
        "tenant_id": "acme",
        "key_id": "abcdefgh",
    }


def test_a_key_that_is_refused_is_said_without_the_key() -> None:
    said = asked("/v1/jobs", token=b"guessed")
    assert said is not None
    assert said["status"] == 401
    assert "guessed" not in str(said)


@pytest.mark.parametrize(
    ("path", "status", "log_requests", "level"),
    [
        ("/v1/jobs", 404, True, "info"),
        ("/v1/jobs", 404, False, None),
        ("/v1/jobs", 503, False, "warning"),
        ("/health/live", 200, True, "debug"),
        ("/health/ready", 503, True, "warning"),
    ],
)
def test_what_went_wrong_here_is_a_warning_and_a_look_at_our_health_is_hardly_worth_a_word(
    path: str, status: int, *, log_requests: bool, level: str | None
) -> None:
    said = asked(path, status=status, log_requests=log_requests)
    assert (said and said["log_level"]) == level
