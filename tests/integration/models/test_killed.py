"""A worker dies in the middle of model calls: each job ends as its fault says, and nothing is unpaid."""

import json
import os
import time
from pathlib import Path

from agent_workers.domain.ids import JobId, time_ordered
from agent_workers.domain.job import Submission
from agent_workers.state.jobs.submissions import Pace, Submissions
from tests.integration.models.killed_agents import HOLD, TIMEOUT
from tests.support.worker_system import TENANT, System, until

# What the model does after it has thought, by the goal of the job, and how the job ends.
ALONE = {
    "answer": ("succeeded", None),
    "malformed": ("succeeded", None),  # sent back, then answered
    "refusal": ("failed", "model_refused"),
    "truncated": ("failed", "model_truncated"),
    "context_window": ("failed", "model_context_window"),
    "bad_request": ("failed", "model_bad_request"),
    "content_policy": ("failed", "model_content_policy"),
    "not_found": ("failed", "model_not_found"),
}
HELPED = ("rate_limit", "overloaded", "server_error", "connection", "timeout", "drip", "endless")
SCRIPT = """
scenarios:
  - when: {last_user: '^answer$'}
    latency_ms: 1500
    reply: {text: done}
  - when: {turn: 0, last_user: '^malformed$'}
    latency_ms: 1500
    fault: {kind: malformed}
    reply: {tool_calls: [{name: add, arguments: {left: 1, right: 2}}]}
"""


def scenario(kind: str, model: str) -> str:
    return (
        f"  - when: {{model: {model}, last_user: '^{kind}$'}}\n"
        f"    latency_ms: 1500\n    fault: {{kind: {kind}}}\n"
    )


def script(folder: Path) -> str:
    rows = [scenario(kind, "small") for kind in ALONE if kind not in {"answer", "malformed"}]
    rows += [scenario(kind, "large") for kind in HELPED]
    path = folder / "script.yaml"
    path.write_text(SCRIPT + "".join(rows))
    return str(path)


def submit(running: System, agent: str, goal: str, hold: int = HOLD) -> JobId:
    job_id = JobId(time_ordered(time.time_ns() // 1_000_000, os.urandom(10)))
    submission = Submission(
        tenant_id=TENANT, job_id=job_id, agent=agent, input=json.dumps(goal).encode()
    )
    pace = Pace(plan_timeout_ms=int(TIMEOUT.total_seconds() * 1_000), plan_hold_micro=hold)
    Submissions(running.database).once((submission, pace), key=None, fingerprint=b"")
    running.ring(job_id)
    return job_id


def worker(name: str) -> tuple[str, ...]:
    lanes = ("--lanes", "plan,tool,evaluate", "--pool", "threads", "--concurrency", "24")
    return ("agent_workers.worker.programs.main", *lanes, "--name", name)


def test_jobs_of_a_killed_worker_end_as_their_faults_say_and_every_call_is_paid(
    running: System, tmp_path: Path
) -> None:
    running.variables.update(
        AGENT_TOOLS="tests.integration.models.killed_agents", AGENT_SCENARIO=script(tmp_path)
    )
    first = running.start("first", *worker("first"))
    until(lambda: " ready." in first.output() or not first.is_alive, "the first is ready", 60)
    jobs = {goal: submit(running, "lonely", goal) for goal in ALONE}
    jobs |= {goal: submit(running, "helped", goal) for goal in HELPED}
    unheld = submit(running, "unheld", "answer", hold=0)
    until(
        lambda: running.ask("select count(*) from steps where status = 'claimed'") == len(jobs) + 1,
        "all of them are under way",
    )
    until(
        lambda: running.ask("select count(*) from steps where called_micro > 0") == 1,
        "what the call for which nothing is held may cost is written down",
    )
    worst = running.ask("select called_micro from steps where called_micro > 0")
    first.kill()

    running.start("second", *worker("second"))
    until(
        lambda: all(running.job(job).finished for job in [*jobs.values(), unheld]),
        "all have ended",
        90,
    )

    for goal, (status, code) in ALONE.items():
        job = running.job(jobs[goal])
        error = json.loads(job.error)["code"] if job.error else None
        assert (goal, str(job.status), error) == (goal, status, code)
    for goal in HELPED:
        assert (goal, str(running.job(jobs[goal]).status)) == (goal, "succeeded")
        degraded = running.ask("select degraded::text from jobs where job_id = %s", jobs[goal])
        assert "model scripted/small instead of scripted/large" in degraded
    # The call that died with its worker is booked in full: nobody knows what it cost.
    spent = running.ask(
        "select min(spent_micro) from jobs where spent_micro < %s and job_id <> %s", HOLD, unheld
    )
    assert spent is None
    paid = running.ask("select spent_micro from jobs where job_id = %s", unheld)
    assert paid > worst
    assert running.ask("select sum(held_micro) from jobs") == 0
