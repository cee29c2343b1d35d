"""What a relay tells, and in which order."""

import json
from datetime import UTC, datetime
from uuid import UUID

from agent_workers.domain.running.journal_tail import Ahead, Entry, telling
from agent_workers.domain.triggers.event import event_of
from agent_workers.transport.bus.relay import body, routing_key

ONE, TWO = UUID(int=1), UUID(int=2)


def entry(job: UUID, number: int, xact: int, *, early: bool = False) -> Entry:
    return Entry(
        tenant_id="acme",
        job_id=job,
        number=number,
        type="step.completed",
        at=datetime(2030, 1, 31, 12, tzinfo=UTC),
        data=b'{"position": 1}',
        xact=xact,
        early=early,
    )


def test_a_message_is_a_cloudevent_with_the_journal_s_own_bytes() -> None:
    told = entry(ONE, 7, 1)
    event = event_of(json.loads(body(told)))
    assert event.id == f"job_{ONE.hex}.7"
    assert event.members["data"] == {"position": 1}
    assert (event.members["sequence"], event.members["tenantid"]) == ("0000000007", "acme")
    assert event.members["time"] == "2030-01-31T12:00:00Z"
    assert routing_key(told) == "job.step.completed"


def test_each_job_is_told_by_its_own_numbers_the_one_that_began_first() -> None:
    found = [entry(TWO, 2, 5), entry(ONE, 4, 6), entry(TWO, 1, 8), entry(ONE, 3, 9, early=True)]
    order = [(one.job_id, one.number) for one in telling(found, []).entries]
    assert order == [(TWO, 1), (TWO, 2), (ONE, 3), (ONE, 4)]


def test_what_was_told_early_is_noted_until_its_turn_has_passed() -> None:
    first = telling([entry(ONE, 4, 6), entry(ONE, 3, 9, early=True)], [])
    assert (first.told_xact, list(first.ahead)) == (6, [Ahead(9, "acme", ONE, 3)])
    second = telling([entry(TWO, 1, 7)], first.ahead)
    assert list(second.ahead) == [Ahead(9, "acme", ONE, 3)]
    third = telling([entry(ONE, 3, 9), entry(ONE, 5, 10)], second.ahead)
    assert [one.number for one in third.entries] == [5]
    assert (third.told_xact, list(third.ahead)) == (10, [])
