"""Jobs keep the version that they were submitted to: over new versions, restarts and upgrades."""

import json
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from agent_workers.domain.ids import JobId
from agent_workers.domain.job import Submission
from agent_workers.domain.mail import Letter
from agent_workers.execution.agents.registry import load
from agent_workers.state.catalogue.agents import Agents
from agent_workers.state.jobs.messages import Mail
from agent_workers.state.jobs.submissions import Submissions
from agent_workers.worker.parts.registering import registered
from tests.integration.agents.conftest import SHOUTING, TOOLS, Bench, Desk

BEFORE = "tests.integration.agents.code_v1"
AFTER = "tests.integration.agents.code_v2"
OTHER_TOOLS = "tests.integration.agents.other_tools"
WAITING = SHOUTING.replace("shout_it", "wait_first")
WHISPERING = (SHOUTING.replace("shout_it", "wait_then_whisper") + "description: Softly.\n").replace(
    "[shout]", "[whisper]"
)


def submit(bench: Bench, agent: str, text: str = "Hello") -> JobId:
    """Submit a job as every way in does: with the pace of its agent."""
    job_id = JobId(uuid4())
    pace = Agents(bench.database).known(bench.tenant, agent)
    assert pace is not None
    job = Submission(
        tenant_id=bench.tenant, job_id=job_id, agent=agent, input=json.dumps(text).encode()
    )
    Submissions(bench.database).many([(job, pace)])
    return job_id


def send_go(bench: Bench, *jobs: JobId) -> None:
    for job_id in jobs:
        letter = Letter(
            tenant_id=bench.tenant, job_id=job_id, sender="test", name="go", data=b"null"
        )
        Mail(bench.database).send(letter)


def make_known(bench: Bench, module: str) -> None:
    Agents(bench.database).register(registered(load([module])), tenant_id=bench.tenant)


def version_of(bench: Bench, job_id: JobId) -> object:
    return bench.ask("select agent_version from jobs where job_id = %s", job_id)[0][0]


def last_error(bench: Bench, job_id: JobId) -> str:
    return str(bench.ask("select max(last_error) from steps where job_id = %s", job_id)[0][0])


def test_a_worker_serves_a_version_that_was_applied_after_it_started(bench: Bench, desk: Desk):
    runtime = bench.runtime(module=TOOLS)
    desk.apply(SHOUTING)
    job = submit(bench, "speaker")
    bench.until_done(job, runtime)
    assert (bench.output(job), version_of(bench, job)) == ("HELLO", "1")


def test_a_model_is_loaded_for_an_agent_that_was_applied_later(bench: Bench, desk: Desk):
    runtime = bench.runtime(module=TOOLS)
    assert desk.apply("name: thinker\nmodel: scripted/small\ninstructions: Be exact.\n").code == 0
    job = submit(bench, "thinker", "Good morning")
    bench.until_done(job, runtime)
    assert "Good morning" in str(bench.output(job))


def test_a_waiting_job_goes_on_in_its_version_after_a_new_one_and_a_restart(
    bench: Bench, desk: Desk
):
    first = bench.runtime(module=TOOLS)
    desk.apply(WAITING)
    old = submit(bench, "speaker")
    bench.until(lambda: bench.deliver(first, old, -1) or bench.status(old) == "waiting", "it waits")
    desk.apply(WHISPERING)
    new = submit(bench, "speaker")
    first.keeper.stop()
    second = bench.runtime(module=TOOLS)
    send_go(bench, old, new)
    bench.until_done(old, second)
    bench.until_done(new, second)
    assert (bench.output(old), version_of(bench, old)) == ("HELLO", "1")
    assert (bench.output(new), version_of(bench, new)) == ("hello", "2")


def test_two_versions_in_python_stand_side_by_side_and_the_last_is_current(bench: Bench):
    runtime = bench.runtime(module=BEFORE)
    make_known(bench, BEFORE)
    new = submit(bench, "twice")
    bench.ask_nothing("update agents set version = '1' where name = 'twice'")
    old = submit(bench, "twice")
    for job in (new, old):
        bench.until_done(job, runtime)
    assert (bench.output(new), version_of(bench, new)) == ("hello", "2")
    assert (bench.output(old), version_of(bench, old)) == ("HELLO", "1")


def test_a_worker_that_starts_again_changes_nothing(bench: Bench):
    def rows() -> list[tuple[object, ...]]:
        return bench.ask("select xmin::text, * from agents where tenant_id = %s", bench.tenant)

    make_known(bench, BEFORE)
    before = rows()
    make_known(bench, BEFORE)
    assert rows() == before


def test_a_counted_version_in_python_goes_on_with_the_code_that_is_there(bench: Bench):
    make_known(bench, BEFORE)
    job = submit(bench, "counted")
    make_known(bench, AFTER)
    send_go(bench, job)
    bench.until_done(job, bench.runtime(module=AFTER))
    assert (bench.output(job), version_of(bench, job)) == ("hello", "1")
    assert bench.ask(
        "select version from agents where tenant_id = %s and name = 'counted'", bench.tenant
    ) == [("2",)]


def test_a_declared_version_in_python_waits_for_a_worker_that_has_it(bench: Bench):
    make_known(bench, BEFORE)
    job = submit(bench, "twice")
    make_known(bench, AFTER)
    bench.deliver(bench.runtime(module=AFTER), job)
    assert "no agent 'twice' in version '2', which is Python code" in last_error(bench, job)
    bench.until_done(job, bench.runtime(module=BEFORE))
    assert bench.output(job) == "hello"


def test_a_pinned_tool_with_another_schema_sends_the_step_elsewhere(bench: Bench, desk: Desk):
    pin = load([TOOLS]).tools["shout"].signature.schema_hash[:12]
    text = SHOUTING.replace("[shout]", f"[shout@{pin}]")
    assert desk.apply(text).code == 0
    job = submit(bench, "speaker")
    with capture_logs() as logs:
        bench.deliver(bench.runtime(module=OTHER_TOOLS), job)
    assert (
        f"this worker cannot serve version '1': agent 'speaker': tools.0: 'shout' is pinned to schema {pin}"
        in (last_error(bench, job))
    )
    assert "agent_not_served" in [log["event"] for log in logs]
    bench.until_done(job, bench.runtime(module=TOOLS))
    assert bench.output(job) == "HELLO"


def test_what_was_applied_stays_current_when_a_worker_starts(bench: Bench, desk: Desk):
    make_known(bench, BEFORE)
    desk.apply(SHOUTING.replace("speaker", "counted"))
    make_known(bench, AFTER)
    make_known(bench, BEFORE)
    job = submit(bench, "counted")
    bench.until_done(job, bench.runtime(module=TOOLS))
    assert (bench.output(job), version_of(bench, job)) == ("HELLO", "2")


def test_a_worker_whose_declared_version_says_something_else_does_not_start(
    bench: Bench, desk: Desk
):
    make_known(bench, BEFORE)
    desk.apply(SHOUTING.replace("speaker", "twice") + "version: '3'\n")
    with pytest.raises(Exception, match="version '3' of agent 'twice' already exists"):
        make_known(bench, AFTER)


def test_a_version_never_means_two_things_to_a_tenant(bench: Bench, desk: Desk):
    Agents(bench.database).register(registered(load([BEFORE])))
    text = SHOUTING.replace("speaker", "twice")
    assert "already exists with another definition" in desk.apply(text + "version: '2'\n").err
    assert desk.apply(text).out == "twice version 3: new, and current\n"


def test_the_version_of_a_job_never_changes(bench: Bench, desk: Desk):
    desk.apply(SHOUTING)
    submit(bench, "speaker")
    with pytest.raises(Exception, match="who a job is never changes"):
        bench.ask_nothing(f"update jobs set agent_version = '9' where tenant_id = '{bench.tenant}'")
