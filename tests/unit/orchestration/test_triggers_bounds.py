"""What one message may cost is bounded, whatever triggers ask for; none is taken in part."""

from typing import Any

import pytest

from agent_workers.domain.triggers.trigger import TooMuchAtOnce
from tests.unit.orchestration.triggers_world import (
    TENANT,
    Rules,
    arrived,
    intake,
    taken,
    trigger,
)

HEAVY = "data.all(x, data.all(y, x + y >= 0))"


@pytest.mark.parametrize(
    ("heavy", "data"),
    [(HEAVY, list(range(4_000))), ("data.matches('(a|b)*c{1,100}x')", "abc" * 300_000)],
)
def test_a_trigger_that_costs_too_much_takes_nothing_from_the_next_one(
    heavy: str, data: object
) -> None:
    rules = [trigger("heavy", where=(heavy,)), trigger("light", where=("data.size() > 3000",))]
    [receipt], kept = taken(rules, arrived(1, data))
    assert receipt.mistakes == {"heavy": "/where/0: it takes too many steps"}
    assert [one.trigger.name for one in receipt.started] == ["light"]
    assert kept.jobs == [1]


def test_a_message_that_costs_too_much_is_refused_as_a_whole() -> None:
    rules = [trigger("light"), *(trigger(f"heavy {n}", where=(HEAVY,)) for n in range(6))]
    with pytest.raises(TooMuchAtOnce, match=r"too many steps together.*fewer events"):
        taken(rules, arrived(1, list(range(4_000))))
    with pytest.raises(TooMuchAtOnce, match=r"too many steps together.*'heavy 0'"):
        taken(rules[:2], arrived(6, list(range(600))))


@pytest.mark.parametrize(
    ("given", "rules", "events"),
    [
        ({"types": ("never",) * 64, "sources": ("/s" + "x" * 60,) * 64}, 50, 300),
        ({"where": ("false",)}, 150, 300),
        ({"where": ("data.absent",)}, 150, 300),
        ({"template": "${data.absent}"}, 150, 180),
        ({"template": "$${" * 20_000}, 50, 1),
        ({"template": {"a": [1] * 9_000, "b": "${data.absent}"}}, 10, 5),
        ({"template": {"a": "x" * 60_000, "b": "${data.absent}"}}, 20, 30),
    ],
)
def test_work_that_starts_no_job_is_paid_for_too(given: Any, rules: int, events: int) -> None:
    """Each of these asks for so little of everything else that only its own price refuses it."""
    with pytest.raises(TooMuchAtOnce, match="too many steps together"):
        taken([trigger(f"rule {n}", **given) for n in range(rules)], arrived(events, {}))


def test_inputs_that_are_too_large_together_are_refused_as_a_whole() -> None:
    rules = [trigger(f"all of it {number}") for number in range(20)]
    with pytest.raises(TooMuchAtOnce, match="more than 16 MiB"):
        taken(rules, arrived(1, "x" * 900_000))
    assert taken(rules, arrived(1, "x" * 9_000))[1].jobs == [20]


def test_honest_triggers_have_room_for_many_events() -> None:
    rules = [
        trigger(f"large order {n}", where=("data.amount > 100", "has(data.customer)"))
        for n in range(10)
    ]
    receipts, kept = taken(rules, arrived(100, {"amount": 150, "customer": "Ada"}))
    assert len(receipts) == 100
    assert kept.jobs == [1_000]
    assert not any(receipt.mistakes for receipt in receipts)
    others = [trigger(f"other {n}", types=(f"other.{n}",)) for n in range(190)]
    assert taken([*others, trigger("mine")], arrived(900))[1].jobs == [900]


def test_a_message_that_starts_too_many_jobs_starts_none() -> None:
    rules = [trigger(f"all {number}") for number in range(11)]
    with pytest.raises(TooMuchAtOnce, match="more than 1000 jobs"):
        taken(rules, arrived(91))
    assert taken(rules, arrived(90))[1].jobs == [990]


def test_a_message_is_one_letter_however_many_templates_cannot_be_filled() -> None:
    rules = [trigger(f"bad {number}", template="${data.x}") for number in range(20)]
    receipts, kept = taken(rules, arrived(50, {}))
    assert kept.jobs == [0]
    [letter] = kept.letters
    assert letter.detail == (
        "1000 templates failed; the first: trigger 'bad 0', event '0': data.x: there is no member 'x'"
    )
    assert len(receipts) == 50


def test_a_reply_tells_the_first_mistakes_and_counts_the_others() -> None:
    unknown = "data.x //" + "y" * 980
    rules = [trigger(f"unknown {number}", where=(unknown,)) for number in range(30)]
    receipts, _ = taken(rules, arrived(40, {}))
    assert [len(one.mistakes) for one in receipts[:5]] == [30, 30, 30, 10, 0]
    assert [one.more_mistakes for one in receipts[:5]] == [0, 0, 0, 20, 30]
    assert sum(len(one.mistakes) + one.more_mistakes for one in receipts) == 1_200
    assert receipts[0].mistakes["unknown 0"] == "/where/0: there is no member 'x'"


def test_a_mistake_is_short_whatever_its_expression_is() -> None:
    long = f"${{data.{'x' * 800}}}"
    [receipt], _ = taken([trigger("long", template=long)], arrived(1, {}))
    assert len(receipt.mistakes["long"]) <= 300


def test_only_triggers_that_want_an_event_are_read_whole() -> None:
    rules = Rules(
        [trigger("mine"), trigger("other", types=("other",)), trigger("none", where=("false",))]
    )
    made, kept = intake(rules)
    made.take(TENANT, arrived(3))
    assert rules.read == ["mine"]
    assert kept.jobs == [3]


def test_a_trigger_that_was_changed_meanwhile_must_want_the_event_as_it_is_now() -> None:
    old = [trigger(name, updated_at=None) for name in ("same", "picky", "gone", "kept")]
    rules = Rules(old)
    same, picky, _, kept_one = old
    at = {"updated_at": "later"}
    now = {"trigger_id": picky.trigger_id, "where": ("id == '1'",)}
    rules.now = [
        same,
        trigger("picky", **now, **at),
        trigger("kept", trigger_id=kept_one.trigger_id, template="new", **at),
    ]
    made, kept = intake(rules)
    receipts = made.take(TENANT, arrived(2))
    names = [[one.trigger.name for one in receipt.started] for receipt in receipts]
    assert names == [["same", "kept"], ["same", "picky", "kept"]]
    assert [one[0].input for one in kept.asked[0]].count(b'"new"') == 2


def test_messages_are_stored_together_within_the_bounds_of_one() -> None:
    made, kept = intake(Rules([trigger("all")]))
    made.take_each(TENANT, [arrived(400, first=1_000 * n) for n in range(5)])
    assert kept.jobs == [800, 800, 400]


def test_a_message_from_a_queue_that_asks_for_too_much_is_a_letter_beside_its_neighbours() -> None:
    made, kept = intake(Rules([trigger("one"), trigger("two")]))
    large = arrived(501, first=100)
    made.take_each(TENANT, [arrived(1), large, arrived(1, first=1)])
    assert kept.jobs == [4]
    [letter] = kept.letters
    assert (letter.code, letter.message) == ("too_much_at_once", large.message)


def test_letters_count_among_what_is_stored_together() -> None:
    made, kept = intake(Rules([trigger("bad", template="${data}")]))
    made.take_each(TENANT, [arrived(1, n, first=n) for n in range(3)])
    assert (len(kept.asked), len(kept.letters)) == (1, 3)
    lots = [arrived(1, ["x" * 900_000, n], first=n) for n in range(20)]
    made.take_each(TENANT, lots)
    assert (len(kept.asked), len(kept.letters)) == (3, 23)
