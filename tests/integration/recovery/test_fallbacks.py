"""Fallback tools and agents under killed workers: the job ends, and each effect is there once."""

import json
from typing import Any

import pytest

from agent_workers.domain.ids import JobId
from tests.integration.recovery.outage import Outage
from tests.support.worker_system import TENANT, System, until

pytestmark = pytest.mark.slow


def output(system: System, job: JobId) -> Any:
    return json.loads(system.job(job).output or b"null")


def degraded(system: System, job: JobId) -> list[str]:
    said: list[str] = json.loads(system.job(job).degraded)
    return said


def test_a_tool_that_fails_for_good_is_stood_in_for(failing: System, outage: Outage) -> None:
    failing.worker("worker-tool")
    job = failing.submit("calling", url=outage.url, tools=["look_first", "look_elsewhere"])
    failing.wait_for(job)
    ran = [(past["tool"], past["type"]) for past in output(failing, job)]
    assert ran == [("look_elsewhere", "tool_ran")] * 2
    assert degraded(failing, job) == ["tool look_elsewhere instead of look_first: unavailable"]
    steps = [(step.kind, step.tool) for step in failing.steps(job)]
    assert steps == [
        ("plan", ""),
        ("tool", "look_first"),
        ("tool", "look_elsewhere"),
        ("tool", "look_elsewhere"),
        ("evaluate", ""),
    ]


def test_an_effect_that_certainly_did_not_happen_is_done_otherwise_once(
    failing: System, outage: Outage
) -> None:
    workers = [failing.worker(f"worker-effect-{number}") for number in range(2)]
    outage.hangs = True
    job = failing.submit("calling", url=outage.url, tools=["pay_first"])
    until(lambda: outage.held, "the fallback pays")
    [holder] = [one for one in workers if one.owns(outage.held[0])]
    holder.kill()
    until(lambda: len(outage.held) == 2, "another worker pays under the same key")
    outage.hangs = False
    outage.let_go.set()
    failing.wait_for(job)
    assert set(outage.keys("/other/pay")) == {outage.keys("/other/pay")[0]}
    assert outage.keys("/pay") == []
    assert degraded(failing, job) == ["tool pay_elsewhere instead of pay_first: tool_error"]
    paid = failing.ask(
        "select count(*) from effects where job_id = %s and tool = 'pay_elsewhere'"
        " and state = 'done'",
        job,
    )
    assert paid == 1


def test_a_fallback_that_takes_other_arguments_is_not_asked(
    failing: System, outage: Outage
) -> None:
    failing.worker("worker-arguments")
    job = failing.submit("calling", url=outage.url, tools=["first_words"])
    failing.wait_for(job)
    [past] = output(failing, job)
    assert (past["tool"], past["value"]["code"]) == ("first_words", "tool_error")
    assert degraded(failing, job) == []


def test_an_open_breaker_sends_callers_to_the_fallback_at_once(
    failing: System, outage: Outage
) -> None:
    failing.worker("worker-open")
    for _ in range(4):
        failing.submit("calling", url=outage.url, tools=["look_first", "look_first"])
    until(
        lambda: (
            failing.ask(
                "select state from breakers where name = 'tool:look_first' and tenant_id <> '*'"
            )
            == "open"
        ),
        "it opens",
    )
    asked = len(outage.asked)
    job = failing.submit("calling", url=outage.url, tools=["look_first"])
    failing.wait_for(job)
    assert degraded(failing, job)[0].startswith("tool look_elsewhere instead of look_first: ")
    assert [one.path for one in outage.asked[asked:]].count("/look") <= 9  # no storm of attempts


def test_another_agent_takes_over_once_and_pays_once(failing: System, outage: Outage) -> None:
    workers = [failing.worker(f"worker-agent-{number}") for number in range(2)]
    outage.down, outage.hangs = False, True
    job = failing.submit("doomed", url=outage.url, tools=["pay"])
    until(lambda: outage.held, "the other agent pays")
    [holder] = [one for one in workers if one.owns(outage.held[0])]
    holder.kill()
    until(lambda: len(outage.held) == 2, "another worker pays under the same key")
    outage.hangs = False
    outage.let_go.set()
    failing.wait_for(job)
    assert len(set(outage.keys("/pay"))) == 1
    children = failing.ask(
        "select count(*) from jobs where tenant_id = %s and parent_id = %s", TENANT, job
    )
    assert children == 1
    assert output(failing, job)[0]["value"] == "/pay"
    assert degraded(failing, job) == ["agent calling instead of doomed: gave_up"]


def test_an_agent_is_stood_in_for_once_and_then_its_job_fails(failing: System) -> None:
    failing.worker("worker-hopeless")
    job = failing.submit("hopeless")
    until(lambda: failing.job(job).finished, "it ends")
    error = json.loads(failing.job(job).error or b"{}")
    assert failing.job(job).status == "failed"
    assert error["user_message"] == "A part of this could not be done, so it was not finished."
    assert degraded(failing, job) == ["agent doomed_too instead of hopeless: gave_up"]
