"""What a ring looks like on the wire, and which rings are worth sending."""

import json
from uuid import UUID

import pytest

from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.step import Lane, StepKind
from agent_workers.transport.brokers.lanes import queues_of
from agent_workers.transport.celery_app.app import make_app
from agent_workers.transport.doorbells.ring import Ring, message_of
from agent_workers.transport.doorbells.room import FRESH_FOR_S, Room

JOB = JobId(UUID("0192f0c0-0000-7000-8000-00000000002a"))


def a_ring(*, lane: Lane = Lane.PLAN, high: bool = False, parent_id: str | None = None) -> Ring:
    return Ring(
        tenant_id=TenantId("acme"),
        job_id=JOB,
        position=3,
        kind=StepKind.PLAN,
        lane=lane,
        parent_id=parent_id,
        high=high,
    )


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_message_has_the_headers_and_the_body_that_celery_would_make() -> None:
    message = message_of(a_ring(parent_id="the-plan"), origin="here")
    celery = make_app("redis://localhost/0").amqp.as_task_v2(
        message.task_id,
        "plan",
        ["acme", JOB.hex, 3],
        root_id=JOB.hex,
        parent_id="the-plan",
        shadow=message.headers["shadow"],
        argsrepr=message.headers["argsrepr"],
        origin="here",
        ignore_result=True,
    )
    assert message.headers == celery.headers
    assert message.body == json.loads(json.dumps(celery.body))


def test_flower_shows_the_job_and_the_position_and_nothing_else() -> None:
    headers = message_of(a_ring(), origin="here").headers
    assert headers["shadow"] == f"plan job_{JOB.hex}#3"
    assert headers["argsrepr"] == f"('acme', '{JOB.hex}', 3)"


def test_two_rings_of_one_step_are_two_tasks() -> None:
    first, second = (message_of(a_ring(), origin="here").task_id for _ in range(2))
    assert first != second
    assert first.startswith(f"{JOB.hex}-3-")


def test_a_recovered_step_rings_the_high_queue_of_its_lane() -> None:
    assert message_of(a_ring(lane=Lane.EFFECT, high=True), origin="").queue == "effect.high"


def test_a_worker_consumes_every_high_queue_before_any_ordinary_one() -> None:
    expected = ["plan.high", "tool.high", "plan", "tool"]
    assert queues_of([Lane.PLAN, Lane.TOOL]) == expected


def test_no_more_ordinary_rings_are_sent_than_there_is_room_for() -> None:
    room = Room(cap=4)
    rings = [a_ring() for _ in range(5)]
    assert room.lanes_to_look_at(rings) == [Lane.PLAN]
    room.note({Lane.PLAN: 1})
    assert room.admit(rings) == rings[:3]


def test_high_rings_are_always_sent_and_ask_nothing() -> None:
    room = Room(cap=0)
    rings = [a_ring(high=True) for _ in range(3)]
    assert room.lanes_to_look_at(rings) == []
    assert room.admit(rings) == rings


def test_lanes_do_not_take_each_others_room() -> None:
    room = Room(cap=1)
    room.note({Lane.PLAN: 1, Lane.TOOL: 0})
    tool = a_ring(lane=Lane.TOOL)
    assert room.admit([a_ring(), tool]) == [tool]


def test_a_queue_with_room_is_not_asked_again_at_once() -> None:
    clock = Clock()
    room = Room(cap=2, clock=clock)
    room.note({Lane.PLAN: 0})
    assert room.lanes_to_look_at([a_ring()]) == []
    clock.now += 2 * FRESH_FOR_S
    assert room.lanes_to_look_at([a_ring()]) == [Lane.PLAN]


def test_that_a_queue_was_full_is_never_believed_later() -> None:
    room = Room(cap=1, clock=Clock())
    room.note({Lane.PLAN: 1})
    assert room.admit([a_ring()]) == []
    assert room.lanes_to_look_at([a_ring()]) == [Lane.PLAN]


@pytest.mark.parametrize("lane", Lane)
def test_every_lane_has_two_queues(lane: Lane) -> None:
    assert queues_of([lane]) == [f"{lane.value}.high", lane.value]
