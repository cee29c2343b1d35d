"""`run_job`: a whole job of an agent in a test, without a server."""

import json
import subprocess
import sys
from datetime import timedelta

import pytest

from agent_workers import (
    Agent,
    Answer,
    Clock,
    Continue,
    Effect,
    GiveUp,
    Limits,
    Plan,
    Situation,
    Statement,
    Transaction,
    TryLater,
    Use,
    ask_person,
    delegate,
    tool,
    wait,
    wait_for_event,
)
from agent_workers.execution.tools.builtin.workspace import WORKSPACE_TOOLS
from agent_workers.testing import FakeClock, job, run_job
from agent_workers.testing.fakes import FakeWorkspace
from agent_workers.testing.planner import scripted

HOUR = timedelta(hours=1)


@tool(effect=Effect.PURE, timeout=timedelta(seconds=5))
def price(order: str, *, clock: Clock) -> dict[str, object]:
    """Say what was paid, and when that was asked."""
    return {"order": order, "cents": 500, "at": clock.now().isoformat()}


@tool(effect=Effect.KEYED, key_ttl=timedelta(hours=24), timeout=timedelta(seconds=5))
def refund(order: str) -> str:
    """Pay an order back."""
    return order


@tool(effect=Effect.TRANSACTIONAL, timeout=timedelta(seconds=5))
def note(text: str) -> Transaction[str]:
    """Write it down."""
    return Transaction([Statement("insert into notes values (%(text)s)", {"text": text})], text)


def going_on(situation: Situation) -> Answer | Continue:
    """Answer with the last result once the plan says so."""
    return Answer(situation.results[0].value) if situation.round else Continue("more")


def accept(situation: Situation) -> Answer | GiveUp:
    done = situation.results[0]
    return GiveUp("failed") if done.type == "tool_failed" else Answer(done.value)


def once(*uses: Use) -> Agent:
    tools = [price, refund, note]
    return Agent(name="desk", plan=scripted(Plan(list(uses))), evaluate=accept, tools=tools)


def test_a_function_plans_and_a_tool_gives_the_answer() -> None:
    done = run_job(once(Use("price", {"order": "A1"})), {})
    assert (done.status, done.answer["cents"]) == ("succeeded", 500)
    assert done.calls == [("price", {"order": "A1"})]
    assert [entry.type for entry in done.journal][-1] == "succeeded"


def test_a_model_says_what_the_test_tells_it_to() -> None:
    agent = Agent(name="desk", model="openai/gpt-5", tools=[refund])
    done = run_job(agent, {"message": "hi"}, model=[Use("refund", {"order": "A1"}), "It is paid."])
    assert (done.status, done.answer) == ("succeeded", "It is paid.")
    assert [(one.tool, one.state) for one in done.effects] == [("refund", "done")]


def test_a_model_that_has_nothing_more_to_say_is_a_failure_that_says_so() -> None:
    agent = Agent(name="desk", model="openai/gpt-5", tools=[refund], limits=Limits(max_rounds=5))
    done = run_job(agent, {"message": "hi"}, model=[Use("refund", {"order": "A1"})])
    assert done.status == "failed"
    assert "model= has 1 replies: add one" in str(done.error)


def test_time_is_that_of_the_clock() -> None:
    clock = FakeClock()
    done = run_job(once(Use("price", {"order": "A1"})), {}, clock=clock)
    assert done.answer["at"] == clock.now().isoformat()


def test_a_tool_of_the_test_stands_in_for_its_namesake() -> None:
    keys = []

    @tool(name="refund", effect=Effect.KEYED, key_ttl=timedelta(hours=24), timeout=HOUR / 60)
    def refused_once(order: str) -> str:
        """Pay an order back."""
        keys.append(order)
        if len(keys) == 1:
            raise TryLater("the bank is busy")
        return "paid"

    done = run_job(once(Use("refund", {"order": "A1"})), {}, tools=[refused_once])
    assert (done.answer, len(keys), done.effects[0].permits) == ("paid", 2, 2)
    assert done.steps[1].tries == 1


def test_a_question_waits_for_its_answer() -> None:
    asking = Plan([ask_person("Sure?", choices=["yes", "no"])])
    agent = Agent(name="desk", plan=scripted(asking), evaluate=accept)
    running = job(agent, {})
    assert running.run().status == "waiting"
    assert running.seen.waits[0].prompt["question"] == "Sure?"
    assert running.answer("yes").answer == {"answer": "yes"}


def test_a_question_is_over_when_the_clock_says_so() -> None:
    asking = Plan([ask_person("Sure?", timeout=HOUR)])
    running = job(Agent(name="desk", plan=scripted(asking), evaluate=accept), {})
    running.run()
    running.clock.advance(2 * HOUR)
    assert running.run().status == "failed"


def test_who_answers_what_was_not_asked_is_told_so() -> None:
    running = job(once(Use("price", {"order": "A1"})), {})
    with pytest.raises(AssertionError, match="asks 0 questions"):
        running.answer("yes")


def test_an_event_ends_its_wait() -> None:
    agent = Agent(name="desk", plan=scripted(Plan([wait_for_event("paid")])), evaluate=accept)
    running = job(agent, {})
    running.run()
    assert running.send("paid", {"cents": 5}).status == "succeeded"


def test_a_run_passes_over_waits_for_time() -> None:
    agent = Agent(name="desk", plan=scripted(Plan([wait(HOUR)])), evaluate=accept)
    running = job(agent, {})
    before = running.clock.now()
    assert running.work().status == "waiting"
    assert running.run().status == "succeeded"
    assert running.clock.now() - before == HOUR


def test_a_job_fails_at_its_deadline() -> None:
    agent = Agent(name="desk", plan=scripted(Plan([wait(HOUR)])), evaluate=accept)
    done = run_job(agent, {}, deadline=timedelta(minutes=5))
    assert done.error is not None
    assert (done.status, done.error["code"]) == ("failed", "deadline_exceeded")


def test_a_job_can_be_paused_and_canceled() -> None:
    running = job(once(Use("price", {"order": "A1"})), {})
    assert running.pause().status == "paused"
    assert running.run().status == "paused"
    assert running.cancel("enough").status == "canceled"


def test_another_agent_does_a_part_of_it() -> None:
    clerk = Agent(
        name="clerk",
        plan=scripted(Plan([Use("price", {"order": "A1"})])),
        evaluate=accept,
        tools=[price],
    )
    agent = Agent(
        name="desk",
        plan=scripted(Plan([delegate("clerk", input={})])),
        evaluate=accept,
        team=["clerk"],
    )
    done = run_job(agent, {}, agents=[clerk])
    assert (done.status, done.answer["cents"]) == ("succeeded", 500)


def test_statements_of_a_tool_are_run_by_the_test() -> None:
    ran: list[Statement] = []
    done = run_job(once(Use("note", {"text": "hi"})), {}, execute=ran.extend)
    assert (done.answer, [one.parameters for one in ran]) == ("hi", [{"text": "hi"}])


def test_a_statement_that_is_refused_fails_its_step() -> None:
    def refuse(_: object) -> None:
        raise ValueError("no such table")

    done = run_job(once(Use("note", {"text": "hi"})), {}, execute=refuse)
    assert (done.status, done.steps[1].result["code"]) == ("failed", "statement_refused")


def test_a_facility_is_given_by_the_test() -> None:
    files = FakeWorkspace({"a.txt": b"hello"})
    agent = Agent(
        name="desk",
        plan=scripted(Plan([Use("read_file", {"path": "a.txt"})])),
        evaluate=accept,
        tools=[one for one in WORKSPACE_TOOLS if one.name == "read_file"],
    )
    assert "hello" in json.dumps(run_job(agent, {}, given=[files]).answer)


def test_an_effect_in_doubt_is_settled_by_the_test() -> None:
    @tool(effect=Effect.UNSAFE, timeout=timedelta(seconds=5))
    def order(item: str) -> str:
        """Order something."""
        raise TimeoutError(f"no reply about {item}")

    agent = Agent(
        name="desk",
        plan=scripted(Plan([Use("order", {"item": "tea"})])),
        evaluate=accept,
        tools=[order],
    )
    running = job(agent, {})
    assert running.run().status == "in_doubt"
    assert running.settle("happened", result="ordered").answer == "ordered"


def test_a_job_costs_what_its_model_calls_cost_and_no_more() -> None:
    agent = Agent(
        name="desk", model="scripted/large", max_cost_micro_per_call=100_000, tools=[refund]
    )
    done = run_job(agent, {"message": "hi"}, model=["Hello."], max_cost_micro=1_000_000)
    assert (done.status, 0 < done.spent_micro < 1_000, done.held_micro) == ("succeeded", True, 0)


def test_keys_of_effects_are_the_same_in_each_run() -> None:
    keys = {run_job(once(Use("refund", {"order": "A1"})), {}).effects[0].key for _ in range(2)}
    assert len(keys) == 1


def test_nothing_of_a_server_is_loaded() -> None:
    code = (
        "import sys; from agent_workers.testing import run_job;"
        "print(sorted({'celery', 'kombu', 'litellm', 'psycopg', 'redis', 'sqlalchemy'} & {*sys.modules}))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
