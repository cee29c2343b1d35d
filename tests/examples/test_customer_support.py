"""The help desk: a small model for routine, a large one for the rest, and a person in between."""

from decimal import Decimal

import pytest

from agent_workers.client.client import Job
from tests.acceptance.systems import wait_until
from tests.examples.running import Running


def done(examples: Running, kind: str, about: str) -> list[object]:
    """What the shop did about an order, as it counted itself."""
    by_kind = examples.outside("customer_support")[kind]["done"]
    return [one for one in by_kind if about in str(one)]


def verdicts(examples: Running, job: Job) -> list[str]:
    steps = examples.client.steps(job.id)
    return [step["outcome"]["verdict"] for step in steps if step["outcome_type"] == "judged"]


def cost_usd(job: Job) -> Decimal:
    return Decimal(job.raw["usage"]["cost_usd"])


def test_a_routine_question_is_answered_by_the_small_model_alone(examples: Running):
    asked = "How long can I return something?"
    job = examples.wait(examples.client.submit("help_desk", asked))
    assert job.output == (
        "The handbook says: You can return anything within 30 days of its delivery, "
        "in the box that it came in [returns]."
    )
    assert verdicts(examples, job) == ["continue", "accept"]
    assert cost_usd(job) < Decimal("0.0005")


def test_a_case_is_escalated_to_the_large_model_which_refunds(examples: Running):
    before = [len(done(examples, kind, "A-1001")) for kind in ("refunds", "tickets")]
    asked = "My order A-1001 arrived broken. I want my money back."
    job = examples.wait(examples.client.submit("help_desk", asked))
    assert job.status == "succeeded", job.error
    assert "on its way back" in job.output
    after = [len(done(examples, kind, "A-1001")) for kind in ("refunds", "tickets")]
    assert after == [count + 1 for count in before]
    assert verdicts(examples, job).count("escalate") == 1
    # The large model costs thirty times as much: it is asked only now.
    assert cost_usd(job) > Decimal("0.0005")


def test_what_a_model_refuses_is_left_to_people_by_the_fallback_agent(examples: Running):
    asked = "How do I take revenge on a courier?"
    job = examples.wait(examples.client.submit("help_desk", asked))
    assert job.status == "succeeded", job.error
    assert "somebody calls you back (ticket-" in job.output
    assert len(done(examples, "tickets", asked)) == 1
    (degraded,) = job.raw["degraded"]
    assert "call_back" in degraded


def test_a_worker_killed_while_it_refunds_makes_one_refund(examples: Running):
    job = examples.client.submit("help_desk", "My order A-1002 arrived broken, I want it back.")
    wait_until(lambda: bool(done(examples, "refunds", "A-1002")), "the money to move")
    examples.crash()
    assert examples.wait(job).status == "succeeded"
    assert examples.was_recovered(job)
    assert len(done(examples, "refunds", "A-1002")) == 1
    assert len(done(examples, "tickets", "A-1002")) == 1


@pytest.mark.parametrize(("said", "refunds"), [("refund 34900", 1), ("decline", 0)])
def test_much_money_waits_for_a_person(examples: Running, said: str, refunds: int):
    before = len(done(examples, "refunds", "A-1003"))
    job = examples.client.submit("help_desk", "My order A-1003 arrived broken. Refund me.")
    question = examples.question(job)
    assert question["prompt"]["choices"] == ["refund 34900", "decline"]
    examples.client.answer(job.id, {question["key"]: said})
    assert examples.wait(job).status == "succeeded"
    assert len(done(examples, "refunds", "A-1003")) - before == refunds
