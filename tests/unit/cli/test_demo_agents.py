"""The demo's planners and evaluators, which are plain functions, and its model's script."""

from pathlib import Path
from uuid import UUID

import agent_workers
from agent_workers import Answer, Continue, GiveUp, Past, Plan, Situation
from agent_workers.demo.agents import choose_workflow, look_then_refund, settle_refund
from agent_workers.demo.refund_server import Ledger
from agent_workers.demo.tools import POLICY, read_order
from agent_workers.execution.models.scripted.files import load_script


def a_situation(given: object, *past: Past, round_: int = 0) -> Situation:
    return Situation(tenant_id="t", job_id=UUID(int=1), input=given, round=round_, history=past)


def found(order_id: str) -> tuple[Past, Past]:
    policy = Past(
        position=1,
        round=0,
        kind="tool",
        tool="search_policy",
        type="tool_ran",
        value={"policy_text": POLICY},
    )
    order = Past(
        position=2,
        round=0,
        kind="tool",
        tool="read_order",
        type="tool_ran",
        value=read_order(order_id),
    )
    return policy, order


def test_what_mentions_refunds_runs_the_refund_flow():
    plan = choose_workflow(a_situation("Please tell me the REFUND policy"))
    assert (plan.workflow, [use.tool for use in plan.uses]) == ("refund_flow", ["search_policy"])


def test_anything_else_runs_the_default_flow():
    plan = choose_workflow(a_situation("Good morning"))
    assert (plan.workflow, [use.tool for use in plan.uses]) == ("default_flow", ["none"])


def test_an_order_that_qualifies_goes_on_to_its_payment():
    findings = found("A-1001")
    assert isinstance(settle_refund(a_situation({"order_id": "A-1001"}, *findings)), Continue)
    plan = look_then_refund(a_situation({"order_id": "A-1001"}, *findings, round_=1))
    assert isinstance(plan, Plan)
    assert plan.uses[0].arguments == {"order_id": "A-1001", "amount_cents": 4_900}


def test_an_order_that_does_not_qualify_is_answered_and_not_paid():
    for late_or_far in ("A-1002", "A-1003"):
        verdict = settle_refund(a_situation({"order_id": late_or_far}, *found(late_or_far)))
        assert isinstance(verdict, Answer)


def test_without_an_order_there_is_nothing_to_plan():
    assert isinstance(look_then_refund(a_situation("refund me")), GiveUp)


def test_a_ledger_pays_once_per_key_and_never_for_another_order():
    ledger = Ledger()
    assert ledger.pay("key", {"order_id": "A-1001"}) is ledger.pay("key", {"order_id": "A-1001"})
    assert ledger.pay("key", {"order_id": "A-1002"}) is None
    counted = ledger.counted()
    assert (counted["refunds"], counted["requests"]) == (1, 2)


def test_the_scripted_model_s_lines_can_be_read():
    load_script(Path(agent_workers.__file__).parent / "demo" / "by_model.yaml")
