"""Whole jobs: the next message of a session is answered though the one before it ended in doubt."""

import json
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from agent_workers.domain.ids import JobId
from agent_workers.domain.job import JobStatus, Submission
from agent_workers.state.catalogue.agents import Agents
from agent_workers.state.jobs.controls import Controls, GivenVerdict
from agent_workers.state.jobs.submissions import Submissions
from tests.integration.state.invariants import broken
from tests.support.worker_system import TENANT, System, until

LANES = "plan,tool,effect,evaluate"
IN_DOUBT, FAILED = JobStatus.IN_DOUBT, JobStatus.FAILED


def say(running: System, agent: str, **given: object) -> JobId:
    """Submit a job of the conversation, pinned to its agent's version as the API does."""
    pace = Agents(running.database).known(TENANT, agent)
    assert pace is not None
    submission = Submission(
        tenant_id=TENANT,
        job_id=JobId(uuid4()),
        agent=agent,
        input=json.dumps(given).encode(),
        session_id=f"talk with {agent}".replace(" ", "-"),
    )
    Submissions(running.database).once((submission, pace), key=None, fingerprint=b"")
    running.ring(submission.job_id)
    return submission.job_id


def happened(running: System, job: JobId) -> None:
    """Let a person say that the effect of a job has happened, once nothing can act any more."""
    key = running.ask("select effect_key from effects where job_id = %s", job)
    assert isinstance(key, UUID)
    Controls(running.database).give_verdict(
        *(TENANT, key),
        verdict=GivenVerdict.HAPPENED,
        result=b'"written"',
        by="ann",
        reason="the line is there",
    )


@pytest.mark.parametrize(("agent", "after"), [("skipping", IN_DOUBT), ("failing", FAILED)])
def test_the_next_message_is_answered_when_the_time_of_a_doubt_is_over(
    running: System, tmp_path: Path, agent: str, after: JobStatus
) -> None:
    running.variables["AGENT_TOOLS"] = "tests.integration.surviving.sticking_agents"
    running.worker(lanes=LANES, pool="solo")
    book = tmp_path / "book"
    first = say(running, agent, book=str(book))
    until(lambda: running.job(first).status is IN_DOUBT, "nobody knows")
    second = say(running, agent)
    running.wait_for(second)
    assert running.job(first).status is after
    assert len(json.loads(running.job(second).output or b"[]")) == 1, "what was asked is read"

    happened(running, first)
    if agent == "skipping":
        running.wait_for(first)
        third = say(running, agent)
        running.wait_for(third)
        # What was asked and answered first, and then, in the order of the turns.
        said = json.loads(running.job(third).output or b"[]")
        assert said[1] == "written"
        assert len(said) == 4
    else:
        assert running.ask("select state from effects where job_id = %s", first) == "done"
        assert running.job(first).status is FAILED
    assert book.read_text() == "written\n"
    assert broken(running.database) == {}
