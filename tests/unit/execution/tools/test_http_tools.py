"""What the HTTP tools make of answers, and of answers that never came."""

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from agent_workers import http_sender
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.ids import EffectKey
from agent_workers.domain.outside.http import (
    HttpAnswer,
    HttpBounds,
    HttpRequest,
    NoAnswer,
    NotCallable,
    NotSent,
)
from agent_workers.domain.reply import Happened, NotDone, Reply, Unclear
from agent_workers.domain.step import Broke, StepKind, ToolFailed, ToolRan
from agent_workers.domain.tools.facility import Give
from agent_workers.domain.tools.tool import Tool
from agent_workers.execution.agents.registry import loaded
from agent_workers.execution.tools.builtin.http import http_get, http_send
from agent_workers.execution.tools.router import ToolRouter
from agent_workers.execution.values.signature import signature_of
from tests.unit.execution.evaluator.rounds import by_function
from tests.unit.orchestration.agents import claimed

URL = "https://shop.example.com/orders"
KEY = EffectKey(UUID(int=7))
SENDER = http_sender(
    name="order",
    hosts=["shop.example.com"],
    key_ttl=timedelta(hours=24),
    headers={"Authorization": "Bearer of-the-shop"},
)


@dataclass
class Answering:
    """An `Http` that always answers the same, or fails."""

    answer: HttpAnswer | Exception
    asked: list[HttpRequest] = field(default_factory=list)
    bounds: list[HttpBounds] = field(default_factory=list)

    def __call__(self, request: HttpRequest, bounds: HttpBounds) -> HttpAnswer:
        self.asked.append(request)
        self.bounds.append(bounds)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def answering(status: int, **headers: str) -> Answering:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answering(HttpAnswer(url=URL, status=status, headers=named, body=b"said"))


def given(http: Answering) -> Give:
    return lambda _, __: http


def router(tool: Tool, http: Answering) -> ToolRouter:
    agent = loaded(by_function(tool))
    return ToolRouter(lambda _: agent, give=given(http))


def sending(tool: Tool, http: Answering, *, attempt: int = 1, **arguments: Any) -> Reply:
    request = json.dumps({"url": URL, **arguments}).encode()
    step = replace(claimed(StepKind.TOOL, tool=tool.name), arguments=request)
    return router(tool, http).act(step, request, key=KEY, attempt=attempt)


def getting(http: Answering, **arguments: Any) -> ToolRan | ToolFailed | Broke:
    request = json.dumps({"url": URL, **arguments}).encode()
    step = replace(claimed(StepKind.TOOL, tool="http_get"), arguments=request)
    return router(http_get, http).run(step)


@pytest.mark.parametrize(
    ("http", "what"),
    [
        (answering(200), Happened),
        (answering(303), Happened),  # this is how forms say that it was done
        (answering(400), NotDone),
        (answering(409), NotDone),
        (answering(429), NotDone),
        (answering(408), Unclear),
        (answering(500), Unclear),
        (answering(503), Unclear),
        (answering(999), Unclear),  # no status at all
        (Answering(NotSent("nobody there")), NotDone),
        (Answering(NotCallable("not there")), NotDone),
        (Answering(NoAnswer("it broke off")), Unclear),
        (Answering(ConnectionResetError()), Unclear),
    ],
)
def test_an_unkeyed_request_is_done_not_done_or_in_doubt(http: Answering, what: type):
    assert isinstance(sending(http_send, http), what)


@pytest.mark.parametrize(
    ("http", "what"),
    [
        (answering(201), Happened),
        (answering(404), NotDone),
        (answering(429), Unclear),
        (answering(502), Unclear),
        (answering(600), Unclear),
        (Answering(NotSent("nobody there")), NotDone),
        (Answering(NoAnswer("it broke off")), Unclear),
    ],
)
def test_a_keyed_request_may_be_sent_again_whenever_it_is_not_clear(http: Answering, what: type):
    assert isinstance(sending(SENDER, http), what)


def test_a_conflict_is_a_refusal_at_first_and_our_own_earlier_attempt_later():
    assert isinstance(sending(SENDER, answering(409), attempt=1), NotDone)
    assert isinstance(sending(SENDER, answering(409), attempt=2), Unclear)


def test_a_request_carries_its_key_and_nobody_can_put_another_in_its_place():
    http = answering(200)
    sending(http_send, http, headers={"idempotency-key": "mine", "x-a": "b"}, body={"n": 1})
    sending(http_send, http, body={"n": 1})
    first, second = http.asked
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"] == KEY.hex
    assert "idempotency-key" not in first.headers
    assert (first.body, first.headers["content-type"]) == (b'{"n": 1}', "application/json")


def test_a_sender_adds_its_own_headers_and_calls_its_own_hosts():
    http = answering(200)
    sending(SENDER, http, method="PUT", body="a,b", content_type="text/csv")
    assert http.asked[0].headers["Authorization"] == "Bearer of-the-shop"
    assert (http.asked[0].method, http.asked[0].body) == ("PUT", b"a,b")
    assert http.bounds[0].hosts == ("shop.example.com",)
    assert http.bounds[0].secret
    assert "shop" not in json.dumps(signature_of(SENDER).schema)


def test_what_cannot_be_written_is_not_sent():
    http = answering(200)
    reply = sending(http_send, http, body={"a": 1}, content_type="text/plain")
    assert isinstance(reply, NotDone)
    assert http.asked == []


def test_the_wish_of_a_busy_host_is_heard():
    reply = sending(http_send, answering(429, retry_after="7"))
    assert isinstance(reply, NotDone)
    assert isinstance(reply.broke, Broke)
    assert reply.broke.retry_after_s == 7


def test_a_sender_needs_to_know_how_long_its_keys_live():
    with pytest.raises(Misdeclared, match="key_ttl"):
        http_sender(name="order", hosts=["a.example"], key_ttl=timedelta(seconds=1))


@pytest.mark.parametrize("hosts", [[], "a.example", ["https://a.example"], ["*"]])
def test_a_sender_names_its_hosts(hosts: list[str]):
    with pytest.raises(Misdeclared, match="hosts"):
        http_sender(name="order", hosts=hosts, key_ttl=timedelta(hours=24))


@pytest.mark.parametrize("status", [200, 302, 404, 410])
def test_what_a_host_says_is_the_result_of_fetching(status: int):
    ran = getting(answering(status, content_type="text/plain"))
    assert isinstance(ran, ToolRan)
    assert json.loads(ran.result)["status"] == status


@pytest.mark.parametrize(
    "http", [answering(429), answering(500), Answering(NotSent("")), Answering(NoAnswer(""))]
)
def test_fetching_is_tried_again_and_speaks_against_no_other_host(http: Answering):
    broke = getting(http)
    assert isinstance(broke, Broke)
    assert broke.retryable
    assert broke.code == "try_later"  # no breaker opens for it


def test_fetching_half_an_answer_is_no_answer():
    half = HttpAnswer(url=URL, status=200, body=b"ha", broken=True)
    assert isinstance(getting(Answering(half)), Broke)


@pytest.mark.parametrize("most", [0, 1_000_001])
def test_fetching_is_bounded(most: int):
    failed = getting(answering(200), max_bytes=most)
    assert isinstance(failed, ToolFailed)
    assert failed.code == "bad_arguments"


def test_the_classes_of_the_http_tools():
    assert [tool.effect for tool in (http_get, http_send, SENDER)] == [
        EffectClass.PURE,
        EffectClass.UNSAFE,
        EffectClass.KEYED,
    ]
