"""A whole job's journal: every entry names its stage and its component."""

import json

import pytest

from tests.integration.recovery.conftest import is_kept_off
from tests.integration.recovery.outage import Outage
from tests.support.worker_system import System, until

pytestmark = pytest.mark.slow


def test_a_journal_tells_a_request_from_its_admission_to_its_answer(
    failing: System, outage: Outage
) -> None:
    failing.worker("worker-stages")
    outage.down = False
    breakers = ("agent_workers.cli.main", "breakers")
    failing.start("cli-open", *breakers, "open", "tool:look").process.wait(30)
    until(lambda: is_kept_off(failing, outage), "the worker has heard of it")
    job = failing.submit("calling", allowance=7, url=outage.url, tools=["look"])
    until(lambda: failing.job(job).status == "waiting", "it waits for the breaker")
    failing.start("cli-close", *breakers, "close", "tool:look").process.wait(30)
    failing.wait_for(job)
    told = [(event.type, json.loads(event.data)) for event in failing.journal(job)]
    assert all({"stage", "component"} <= data.keys() for _, data in told), told
    assert [(kind, data["stage"], data["component"]) for kind, data in told] == [
        ("queued", "admit", "cost"),
        ("started", "execute", "planner"),
        ("step.completed", "execute", "planner"),
        ("waiting", "execute", "recovery"),
        ("resumed", "execute", "tool_router"),
        ("step.completed", "execute", "tool_router"),
        ("step.completed", "execute", "evaluator"),
        ("succeeded", "respond", "answer"),
    ]
    assert told[0][1]["cost"] == {"allowance_micro": 7}


def test_a_failed_job_ends_with_a_sentence_for_its_user(failing: System) -> None:
    failing.worker("worker-sentence")
    job = failing.submit("doomed_too")
    until(lambda: failing.job(job).finished, "it ends")
    last = failing.journal(job)[-1]
    data = json.loads(last.data)
    assert (last.type, data["stage"], data["component"]) == ("failed", "respond", "answer")
    assert data["code"] == "gave_up"
    assert data["user_message"] == "No answer could be found to this request."
