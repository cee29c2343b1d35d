"""A worker takes three arguments from a message, and nothing of what else it says."""

import json
from uuid import uuid4

import pytest

from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.step import Lane, StepKind
from agent_workers.transport.celery_app.consumer import NoNudge, heard
from agent_workers.transport.doorbells.ring import Message, Ring, message_of

RING = Ring(
    tenant_id=TenantId("acme"),
    job_id=JobId(uuid4()),
    position=3,
    kind=StepKind.TOOL,
    lane=Lane.EFFECT,
    parent_id="the-plan",
)
SENT = message_of(RING, origin="nudge1@here")
JOB = RING.job_id.hex


def said(message: Message) -> tuple[dict[str, object], list[object]]:
    return message.headers, message.body


def test_our_own_nudges_are_heard_as_they_were_sent() -> None:
    assert said(heard(SENT.headers, json.dumps(SENT.body))) == said(SENT)


FORGED_HEADERS = {
    "timelimit": [0.001, 0.001],
    "eta": "2999-01-01T00:00:00Z",
    "expires": "1999-01-01T00:00:00Z",
    "group": "g",
    "group_index": 1,
    "retries": 7,
    "ignore_result": False,
    "shadow": "\x1b]0;mine\x07",
    "argsrepr": "\x1b[2J",
    "root_id": "x",
    "stamps": {"a": "b"},
    "stamped_headers": ["a"],
    "compression": "gzip",
    "replaced_task_nesting": 99,
}


@pytest.mark.parametrize("name", FORGED_HEADERS)
def test_a_forged_header_does_nothing(name: str) -> None:
    forged = {**SENT.headers, name: FORGED_HEADERS[name]}
    assert said(heard(forged, json.dumps(SENT.body))) == said(SENT)


@pytest.mark.parametrize("name", ["callbacks", "errbacks", "chain", "chord"])
def test_no_other_task_is_called_before_or_after(name: str) -> None:
    other = {"task": "tool", "args": ["acme", JOB, 0], "kwargs": {}, "options": {}}
    body = [[TenantId("acme"), JOB, 3], {"position": 9}, {name: [other]}]
    assert said(heard(SENT.headers, json.dumps(body))) == said(SENT)


@pytest.mark.parametrize("name", ["parent_id", "origin"])
def test_a_name_that_is_none_is_left_out(name: str) -> None:
    sent = heard({**SENT.headers, name: "\x1b[31m"}, json.dumps(SENT.body))
    assert not sent.headers[name]


BODIES: dict[str, object] = {
    "none": None,
    "no JSON": b"\xff{",
    "deep": "[" * 4_000,
    "long": json.dumps([["acme", JOB, 3], {}, {"chain": "x" * 5_000}]),
    "an object": {"args": []},
    "a number": "7",
    "empty": "[]",
    "two arguments": json.dumps([["acme", JOB], {}, {}]),
    "no tenant": json.dumps([[None, JOB, 3], {}, {}]),
    "a tenant with a NUL": json.dumps([["a\0b", JOB, 3], {}, {}]),
    "no job": json.dumps([["acme", "job", 3], {}, {}]),
    "a job in a list": json.dumps([["acme", [JOB], 3], {}, {}]),
    "half a step": json.dumps([["acme", JOB, 3.5], {}, {}]),
    "a step that is true": json.dumps([["acme", JOB, True], {}, {}]),
    "a step beyond all": json.dumps([["acme", JOB, 2**31], {}, {}]),
    "a step before all": json.dumps([["acme", JOB, -2], {}, {}]),
}


@pytest.mark.parametrize("body", BODIES)
def test_a_body_that_names_no_step_rings_for_none(body: str) -> None:
    with pytest.raises(NoNudge):
        heard(SENT.headers, BODIES[body])


@pytest.mark.parametrize(
    "headers",
    [
        None,
        [],
        {},
        {"task": "tool"},
        SENT.headers | {"task": "celery.backend_cleanup"},
        SENT.headers | {"task": ["tool"]},
        SENT.headers | {"id": 7},
    ],
)
def test_headers_of_no_task_of_ours_ring_for_nothing(headers: object) -> None:
    with pytest.raises(NoNudge):
        heard(headers, json.dumps(SENT.body))
