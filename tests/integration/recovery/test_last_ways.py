"""Old answers, and people who are asked, when tools have failed for good: whole jobs."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from agent_workers.domain.agents.engine_tools import GO_ON, LET_FAIL, TRY_AGAIN
from agent_workers.domain.ids import JobId
from agent_workers.state.jobs.messages import Mail
from tests.integration.recovery.outage import Outage
from tests.integration.recovery.test_fallbacks import degraded, output
from tests.support.worker_system import TENANT, System, until

pytestmark = pytest.mark.slow


@pytest.fixture
def lasting(failing: System) -> System:
    failing.variables["AGENT_TOOLS"] = "tests.integration.recovery.last_agents"
    return failing


def run(system: System, outage: Outage, *tools: str, agent: str = "calling") -> JobId:
    job = system.submit(agent, url=outage.url, tools=tools)
    until(lambda: system.job(job).finished, "it ends")
    return job


def asked(system: System, outage: Outage, *tools: str, agent: str = "calling") -> JobId:
    job = system.submit(agent, url=outage.url, tools=tools)
    until(lambda: len(questions(system, job)) == len(tools), "a person is asked")
    return job


# Any: a question as a person sees it.
def questions(system: System, job: JobId) -> list[dict[str, Any]]:
    found = system.ask("select waiting_for(%s, %s, 9)::jsonb", TENANT, job)
    return [one for one in found if one["kind"] == "person"]


def answer(system: System, job: JobId, *said: str) -> None:
    keys = [one["key"] for one in questions(system, job)]
    given = {key: json.dumps(text).encode() for key, text in zip(keys, said, strict=True)}
    Mail(system.database).answer(TENANT, job, given, by="me")


def breaker(system: System, name: str) -> object:
    return system.ask(
        "select state from breakers where name = %s and tenant_id <> '*'", f"tool:{name}"
    )


def tools_of(system: System, job: JobId) -> Sequence[str]:
    return [step.tool for step in system.steps(job) if step.kind == "tool"]


def test_a_tool_that_is_down_is_answered_for_by_what_it_gave_lately(
    lasting: System, outage: Outage
) -> None:
    lasting.worker("worker-cached")
    outage.down = False
    assert output(lasting, run(lasting, outage, "look_lately"))[0]["value"] == "/look"
    outage.down = True
    job = run(lasting, outage, "look_lately")
    assert output(lasting, job) == [{"tool": "look_lately", "type": "tool_ran", "value": "/look"}]
    [said] = degraded(lasting, job)
    assert said.startswith("cached answer of look_lately from 20")
    assert said.endswith("Z: unavailable")
    assert tools_of(lasting, job) == ["look_lately"]


def test_behind_an_open_breaker_the_old_answer_comes_at_once(
    lasting: System, outage: Outage
) -> None:
    lasting.worker("worker-open")
    outage.down = False
    run(lasting, outage, "look_lately")
    lasting.ask(
        "insert into breakers (name, tenant_id, state, version, by_hand, changed_at)"
        " values ('tool:look_lately', '*', 'open', 1, true, now()) returning 1"
    )
    until(lambda: degraded(lasting, run(lasting, outage, "look_lately")), "it is seen")
    calls = len(outage.asked)
    job = run(lasting, outage, "look_lately")
    assert output(lasting, job)[0]["value"] == "/look"
    assert degraded(lasting, job)[0].endswith("Z: breaker_open")
    assert len(outage.asked) == calls


def test_an_outage_that_opens_the_breaker_parks_nobody_who_has_an_old_answer(
    lasting: System, outage: Outage
) -> None:
    lasting.worker("worker-opening")
    outage.down = False
    run(lasting, outage, "look_lately")
    outage.down = True
    jobs = [lasting.submit("calling", url=outage.url, tools=["look_lately"] * 4) for _ in range(4)]
    until(lambda: all(lasting.job(job).finished for job in jobs), "all end")
    assert breaker(lasting, "look_lately") == "open"
    for job in jobs:
        assert [past["value"] for past in output(lasting, job)] == ["/look"] * 4


def test_once_the_fallback_is_down_too_the_first_tool_is_answered_for(
    lasting: System, outage: Outage
) -> None:
    lasting.worker("worker-both")
    outage.down = False
    run(lasting, outage, "look_once")
    outage.down = True
    job = run(lasting, outage, "look_once")
    assert [past["value"] for past in output(lasting, job)] == ["/look"]
    instead, old = degraded(lasting, job)
    assert instead == "tool look_twice instead of look_once: unavailable"
    assert old.startswith("cached answer of look_once from ")


def test_without_redis_the_failure_is_data(lasting: System, outage: Outage) -> None:
    lasting.worker("worker-none", AGENT_REDIS_URL="redis://127.0.0.1:1/0")
    outage.down = False
    assert output(lasting, run(lasting, outage, "look_lately"))[0]["value"] == "/look"
    outage.down = True
    [past] = output(lasting, run(lasting, outage, "look_lately"))
    assert (past["type"], past["value"]["code"]) == ("tool_failed", "unavailable")


def test_a_person_lets_a_tool_try_again_and_is_asked_once(lasting: System, outage: Outage) -> None:
    lasting.worker("worker-again")
    job = asked(lasting, outage, "look_and_ask")
    [question] = questions(lasting, job)
    assert question["prompt"] == {
        "question": "The tool 'look_and_ask' has failed for good. A service that is needed for"
        " this is not available. Please try again later.",
        "choices": [TRY_AGAIN, GO_ON, LET_FAIL],
    }
    answer(lasting, job, TRY_AGAIN)
    until(lambda: lasting.job(job).finished, "it ends")
    assert tools_of(lasting, job) == ["look_and_ask", "ask_person", "look_and_ask"]
    past, said = output(lasting, job)
    about = {"id": "c1", "tool": "look_and_ask"}
    assert said["value"] == {"answer": TRY_AGAIN, "about": about}
    assert past["value"]["code"] == "unavailable"


def test_what_is_mended_meanwhile_works_when_a_person_says_so(
    lasting: System, outage: Outage
) -> None:
    lasting.worker("worker-mended")
    job = asked(lasting, outage, "look_and_ask", "look_and_ask")
    outage.down = False
    answer(lasting, job, TRY_AGAIN, TRY_AGAIN)
    until(lambda: lasting.job(job).finished, "it ends")
    values = [past["value"] for past in output(lasting, job) if past["tool"] == "look_and_ask"]
    assert values == ["/look", "/look"]


def test_an_effect_that_certainly_did_not_happen_may_be_tried_again(
    lasting: System, outage: Outage
) -> None:
    lasting.worker("worker-effect")
    job = asked(lasting, outage, "pay_and_ask")
    assert questions(lasting, job)[0]["prompt"]["choices"] == [TRY_AGAIN, GO_ON, LET_FAIL]
    answer(lasting, job, TRY_AGAIN)
    until(lambda: lasting.job(job).finished, "it ends")
    assert tools_of(lasting, job) == ["pay_and_ask", "ask_person", "pay_and_ask"]


def test_a_job_goes_on_without_what_a_person_leaves_out(lasting: System, outage: Outage) -> None:
    lasting.worker("worker-without")
    outage.down = False
    job = lasting.submit("plain", url=outage.url, tools=["look_lately", "pay_and_ask"])
    until(lambda: questions(lasting, job), "a person is asked")
    answer(lasting, job, GO_ON)
    until(lambda: lasting.job(job).finished, "it ends")
    assert output(lasting, job) == "/look"
    assert degraded(lasting, job) == ["without pay_and_ask: a person said to go on without it"]


def test_a_person_may_let_the_job_fail(lasting: System, outage: Outage) -> None:
    lasting.worker("worker-fails")
    job = asked(lasting, outage, "look_and_ask")
    answer(lasting, job, LET_FAIL)
    until(lambda: lasting.job(job).finished, "it ends")
    assert lasting.job(job).status == "failed"
    error = json.loads(lasting.job(job).error or b"{}")
    assert (error["code"], error["message"]) == (
        "unavailable",
        "a person said: let the job fail",
    )
