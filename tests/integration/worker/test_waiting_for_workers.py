"""A job that no running worker can do waits, says for what, and goes on when there is one."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from agent_workers.domain.agents.version import NewVersion, Source
from agent_workers.domain.ids import JobId
from agent_workers.domain.job import Submission
from agent_workers.domain.worker_report import WorkerReport
from agent_workers.execution.agents.registry import load
from agent_workers.state.catalogue.agents import Agents
from agent_workers.state.database.diagnosis import Diagnosis
from agent_workers.state.jobs.reads import Reads
from agent_workers.state.jobs.submissions import Submissions
from agent_workers.state.steps.worker_reports import WorkerReports
from agent_workers.worker.parts.registering import registered
from agent_workers.worker.runtime import Runtime
from tests.integration.worker.conftest import AGENTS, LANES, Bench

OTHERS = "tests.integration.worker.limited_agents"
REPORT = WorkerReport(
    report_id=uuid4(),
    name="one@here",
    host="here",
    pid=4711,
    version="1",
    lanes=LANES,
    pool="threads",
    slots=2,
    agents={"told": [""]},
    tools=["nothing"],
    models={},
    secrets=[],
)


@pytest.fixture
def reports(bench: Bench) -> Iterator[WorkerReports]:
    Agents(bench.database).register(registered(load([AGENTS])))
    bench.ask_nothing("delete from worker_reports")
    yield WorkerReports(bench.database)
    bench.ask_nothing("delete from worker_reports")


def submitted(bench: Bench, agent: str = "told") -> JobId:
    """Submit a job that has been there for a while."""
    pace = Agents(bench.database).known(bench.tenant, agent)
    assert pace is not None
    job_id = JobId(uuid4())
    job = Submission(
        tenant_id=bench.tenant,
        job_id=job_id,
        agent=agent,
        input=json.dumps({"answer": 1}).encode(),
        deadline=timedelta(hours=1),
    )
    Submissions(bench.database).many([(job, pace)])
    with bench.database.transaction() as connection:
        # Nobody may change when a job was made, but for who lets time pass.
        connection.execute("set local session_replication_role = replica")
        for table, column in (("steps", "due_at"), ("jobs", "created_at")):
            sql = f"update {table} set {column} = {column} - interval '3 s' where job_id = %s"
            connection.execute(sql.encode(), (job_id,))
    return job_id


def waits(bench: Bench, job_id: JobId) -> list[tuple[str, str, str]]:
    seen = Reads(bench.database).job(bench.tenant, job_id)
    assert seen is not None
    found = json.loads(seen.waiting_for)
    return [(one["kind"], one["key"], one["prompt"]["message"]) for one in found]


def lacking(bench: Bench) -> int:
    """Return how many jobs wait for a worker with our agent, as the doctor counts them."""
    return Diagnosis(bench.database).work().lacking.get("agent:told", 0)


def look_in_vain(bench: Bench, job_id: JobId, runtime: Runtime, times: int) -> None:
    for _ in range(times):
        bench.ask("update steps set due_at = now() where job_id = %s returning 1", job_id)
        bench.deliver(runtime, job_id)


def test_a_job_in_a_lane_that_nothing_serves_says_how_to_serve_it(
    bench: Bench, reports: WorkerReports
) -> None:
    reports.say(REPORT)
    job_id = submitted(bench)
    assert waits(bench, job_id) == []
    reports.beat(REPORT, stopping=True)
    assert waits(bench, job_id) == [
        (
            "worker",
            "lane:plan",
            "nothing serves lane plan: run `agent-workers worker --lanes plan --pool threads`",
        )
    ]


def test_a_job_of_an_agent_that_has_gone_says_where_it_was_seen_last(
    bench: Bench, reports: WorkerReports
) -> None:
    job_id = submitted(bench)
    reports.say(REPORT)
    bench.ask_nothing("update worker_reports set seen_at = seen_at - interval '3 hours'")
    reports.forget(REPORT.report_id)
    reports.say(replace(REPORT, report_id=uuid4(), agents={}))
    [(kind, key, message)] = waits(bench, job_id)
    assert (kind, key) == ("worker", "agent:told")
    assert message == (
        "no running worker of lane plan has agent 'told' (last seen 3 h ago on host here): run"
        " `agent-workers worker --tools MODULE` with its module, or cancel the job"
    )


def test_a_job_that_no_worker_can_do_uses_up_no_try_and_goes_on_with_one_that_can(
    bench: Bench, reports: WorkerReports
) -> None:
    job_id = submitted(bench)
    look_in_vain(bench, job_id, bench.runtime(module=OTHERS), 12)
    assert lacking(bench) > 0
    assert bench.ask("select status, tries, fence from steps where job_id = %s", job_id) == [
        ("ready", 0, 12)
    ]
    assert bench.status(job_id) == "waiting"
    reports.say(REPORT)
    [(_, key, message)] = waits(bench, job_id)
    assert key == "agent:told"
    assert message.startswith("the worker that last looked cannot do it: this worker has no agent")
    assert job_id in {due.job_id for due in reports.wake(REPORT)}
    assert reports.wake(REPORT) == []
    bench.until_done(job_id, bench.runtime())
    assert bench.status(job_id) == "succeeded"
    assert lacking(bench) == 0


def test_a_tool_that_no_worker_has_is_named(bench: Bench, reports: WorkerReports) -> None:
    definition = {"name": "filed", "plan": f"{AGENTS}:plan", "tools": [{"name": "lost_tool"}]}
    new = NewVersion(
        name="filed", declared="", definition=definition, source=Source.YAML, plan_timeout_ms=1000
    )
    Agents(bench.database).apply([new], tenant_id=bench.tenant, by="test")
    bench.ask_nothing(
        """insert into tools (name, definition) values ('lost_tool', '{}') on conflict do nothing"""
    )
    reports.say(REPORT)
    job_id = submitted(bench, "filed")
    wanted = (
        "no running worker of lane plan has tool 'lost_tool' of agent 'filed': run `agent-workers"
        " worker --tools MODULE` with a module that has it"
    )
    assert waits(bench, job_id) == [("worker", "tool:lost_tool", wanted)]
    look_in_vain(bench, job_id, bench.runtime(), 1)
    assert waits(bench, job_id) == [("worker", "tool:lost_tool", wanted)]
    assert bench.ask("select key from waits where job_id = %s", job_id) == [("tool:lost_tool",)]


@pytest.fixture
def without_agents(bench: Bench) -> Iterator[Bench]:
    """Nobody's agents take jobs, but for those that a test makes."""
    taking = "update agents set retired_at = %s where name = any(%s) returning name"
    retire = "update agents set retired_at = now() where retired_at is null returning name"
    names = [name for (name,) in bench.ask(retire)]
    yield bench
    bench.ask(taking, None, names)


@pytest.mark.parametrize(
    ("effect", "lane"), [("pure", "tool"), ("keyed", "tool"), ("unsafe", "effect")]
)
def test_agents_that_take_jobs_need_the_lanes_of_their_tools(
    without_agents: Bench, effect: str, lane: str
) -> None:
    bench, tool = without_agents, f"needed_{effect}"
    insert = "insert into tools (name, definition) values (%s, %s) returning name"
    bench.ask(insert, tool, json.dumps({"effect": effect}))
    definition = {"name": "needing", "plan": f"{AGENTS}:plan", "tools": [{"name": tool}]}
    new = NewVersion(
        name="needing", declared="", definition=definition, source=Source.YAML, plan_timeout_ms=1000
    )
    due = "select distinct lane from steps where status = 'ready' and due_at <= clock_timestamp()"
    waiting = {name for (name,) in bench.ask(due)}
    assert Diagnosis(bench.database).work().needed == waiting
    Agents(bench.database).apply([new], tenant_id=bench.tenant, by="test")
    assert Diagnosis(bench.database).work().needed == waiting | {"plan", "evaluate", lane}
