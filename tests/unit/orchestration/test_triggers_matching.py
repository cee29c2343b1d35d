"""Which events a trigger wants, and what input it makes of them."""

import json
import tracemalloc
from typing import Any
from uuid import uuid4

import pytest

from agent_workers.domain.triggers.event import CloudEvent, event_of
from agent_workers.domain.triggers.trigger import Trigger, TriggerRefused, key_of
from agent_workers.expressions.budget import Budget
from agent_workers.orchestration.triggers.checking import check_trigger
from agent_workers.orchestration.triggers.filling import TemplateFailed, filled
from agent_workers.orchestration.triggers.matching import (
    ConditionFailed,
    is_wanted,
    variables_of,
)
from agent_workers.orchestration.triggers.template import Template


def event(**members: Any) -> CloudEvent:
    given = {"id": "1", "source": "/shop", "type": "order.paid", "specversion": "1.0"}
    return event_of(given | members)


def trigger(**given: Any) -> Trigger:
    return Trigger(trigger_id=uuid4(), name="paid", agent="demo", **given)


def made_of(template: object, one: CloudEvent, steps: int = 10_000) -> bytes:
    return filled(Template(template), variables_of(one), Budget(steps))


PAID = event(data={"order": "o-1", "amount": 150, "items": [{"sku": "a"}, {"sku": "b"}]})


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, True),
        ({"types": ("order.paid",)}, True),
        ({"types": ("order.*",)}, True),
        ({"types": ("invoice.*", "order.sent")}, False),
        ({"sources": ("/shop*",)}, True),
        ({"sources": ("/other",)}, False),
        ({"where": ("data.amount > 100",)}, True),
        ({"where": ("data.amount > 100", "data.order == 'o-2'")}, False),
        ({"where": ("data.items.exists(i, i.sku == 'b')",)}, True),
        ({"where": ("subject == null",)}, True),
        ({"where": ("has(data.refund)",)}, False),
    ],
)
def test_a_trigger_matches_on_type_and_source_and_data(given: Any, wanted: object) -> None:
    assert is_wanted(trigger(**given), PAID, Budget(10_000)) is wanted


@pytest.mark.parametrize(
    "where", ["data.missing > 1", "data.amount", "data.order > 1", "1 / 0 == 1"]
)
def test_a_condition_that_cannot_be_told_is_not_met_and_says_why(where: str) -> None:
    with pytest.raises(ConditionFailed, match=r"^/where/1: "):
        is_wanted(trigger(where=("true", where)), PAID, Budget(10_000))


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ("${event}", dict(PAID.members)),
        ("Order ${data.order}: ${data.amount}, $${kept}", "Order o-1: 150, ${kept}"),
        (
            {"n": "${data.amount}", "all": ["${data.items[0]}", 7]},
            {"n": 150, "all": [{"sku": "a"}, 7]},
        ),
        ("${{'a': '}'}}", {"a": "}"}),
        ("${data}", PAID.members["data"]),
        ("none: ${subject}", "none: null"),
        ("${data.items.map(one, one.sku)}, the lot", '["a", "b"], the lot'),
    ],
)
def test_a_template_takes_values_out_of_the_event(template: Any, made: Any) -> None:
    assert json.loads(made_of(template, PAID)) == made


@pytest.mark.parametrize(
    "template", ["${data.missing}", "${data.amount}", {"a": "${timestamp(0)}"}]
)
def test_a_template_that_cannot_be_filled_says_so(template: Any) -> None:
    with pytest.raises(TemplateFailed):
        made_of(template, PAID)


@pytest.mark.parametrize(
    "given",
    [
        {"where": ("data.amount >",)},
        {"where": ("order.amount > 1",)},
        {"where": ("data.all(a, data.all(b, a > c))",)},
        {"where": ("1 + " * 400 + "1 == 1",)},
        {"template": "${data"},
        {"template": {"a": ["${data.map(i, order)}"]}},
        {"template": "${1}" * 101},
        {"template": ["x" * 40_000, {"a": "y" * 40_000}]},
        {"template": {"k" * 70_000: 1}},
        {"template": "é" * 11_000},
        {"template": "x" * 60_000, "metadata": {"a": "y" * 6_000}},
        {"types": ("t" * 9_000,), "sources": ("s" * 9_000,)},
    ],
)
def test_a_trigger_that_cannot_work_is_refused_before_any_event_comes(given: Any) -> None:
    with pytest.raises(TriggerRefused):
        check_trigger(trigger(**given))


def test_a_trigger_may_be_as_large_as_its_bounds() -> None:
    conditions = tuple(f"data.a != '{'x' * 980}'" for _ in range(8))
    check_trigger(trigger(where=conditions, template={"k" * 20_000: "x" * 35_000}))


def test_the_key_of_a_job_is_the_triggers_and_the_events_alone() -> None:
    one, other = trigger(), trigger()
    assert key_of(one, PAID) == key_of(one, event(data={"amount": 1}))
    keys = {key_of(one, PAID), key_of(other, PAID), key_of(one, event(id="2"))}
    keys |= {key_of(one, event(source="/sho", id="p1")), key_of(one, event(source="/shop1"))}
    assert len(keys) == 5
    assert all(" " in key for key in keys)


@pytest.mark.parametrize(
    "template",
    [
        "${data.s}" * 4_000,
        ["${event}"] * 4_000,
        {str(number): "${data.s}" for number in range(100)},
        "${[data.s].map(x, x + x + x + x + x + x + x + x)[0]}",
        ["${data.s + data.s + data.s}"] * 100,
        "é" * 200_000,
        "${data.l.map(x, data.s)}",
        "all: ${data.l.map(x, data.s)}",
        "${data.l.map(x, data.l.map(y, data.l))}",
        {"a": "${{'a': data.l.map(x, {'b': data.s})}}"},
    ],
)
def test_a_template_is_measured_while_it_is_filled(template: Any) -> None:
    large = event(data={"s": "x" * 900_000, "l": list(range(300))})
    tracemalloc.start()
    try:
        with pytest.raises(TemplateFailed, match=r"more than 1048576 bytes|too many steps"):
            made_of(template, large, 200_000)
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()
