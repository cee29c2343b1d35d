"""An effect that can be looked up, until a deploy took that away: somebody is told, and can say."""

from uuid import UUID

import pytest

from agent_workers.domain.ids import JobId
from agent_workers.domain.step import Lane
from agent_workers.orchestration.effects.act_rules import MOST_TRIES_WITHOUT_ITS_TOOL
from agent_workers.state.jobs.controls import Controls, GivenVerdict
from agent_workers.state.proving.invariants import broken
from agent_workers.worker.runtime import Runtime
from tests.integration.worker import agents, depositing_agents, depositing_agents_later
from tests.integration.worker.conftest import LANES, Bench

ALL = (*LANES, Lane.EFFECT)


@pytest.fixture
def job(bench: Bench) -> JobId:
    """A deposit without an answer."""
    runtime = opened(bench, depositing_agents.__name__)
    job = bench.submit(bench.tenant)
    bench.deliver(runtime, job)
    bench.until(lambda: permits(bench, job) == [("unknown",)], "nothing was deposited")
    return job


def test_a_look_up_that_cannot_be_called_any_more_ends_in_a_doubt(bench: Bench, job: JobId) -> None:
    later = opened(bench, depositing_agents_later.__name__)
    until_in_doubt(bench, job, later)
    (reason,) = bench.ask("select doubt_reason from effects where job_id = %s", job)[0]
    assert str(reason).startswith(
        "The look-up failed 2 times; the last error was: it does not take its arg"
    )
    assert "currency" in str(reason)
    say(bench, job, GivenVerdict.HAPPENED)
    bench.until_done(job, later)
    assert bench.output(job) == ["seen"]
    assert depositing_agents.DEPOSITED.count(bench.tenant) == 1
    assert broken(bench.database) == []


def test_a_look_up_that_can_be_called_again_in_time_finds_it(bench: Bench, job: JobId) -> None:
    later = opened(bench, depositing_agents_later.__name__)
    failed = "select failed_looks_for_good from effects where job_id = %s"

    def looked() -> bool:
        bench.deliver(later, job, -1)
        return bench.ask(failed, job) == [(1,)]

    bench.until(looked, "nobody looked")
    bench.until_done(job, opened(bench, depositing_agents.__name__))
    assert bench.output(job) == ["deposited"]
    assert depositing_agents.DEPOSITED.count(bench.tenant) == 1


def test_a_tool_that_no_worker_has_any_more_leaves_a_doubt(bench: Bench, job: JobId) -> None:
    most = MOST_TRIES_WITHOUT_ITS_TOOL
    bench.ask(
        f"update steps set tries = {most - 1}, fence = fence + {most}"
        " where job_id = %s and position = 1 returning 1",
        job,
    )
    without = opened(bench, agents.__name__)
    bench.until(lambda: tried(bench, job, without) == most, "it was not tried")
    assert bench.status(job) != "in_doubt"
    let_hours_pass(bench, job)

    def doubted() -> bool:
        tried(bench, job, without)
        return bench.status(job) == "in_doubt"

    bench.until(doubted, "nobody is told")
    (reason,) = bench.ask("select doubt_reason from effects where job_id = %s", job)[0]
    assert str(reason).endswith("agent 'told' has no tool 'deposit' on this worker")
    say(bench, job, GivenVerdict.HAPPENED)
    what = "select outcome_type from steps where job_id = %s and position = 1"
    bench.until(
        lambda: tried(bench, job, without) and bench.ask(what, job) == [("tool_ran",)], what
    )
    assert broken(bench.database) == []


def opened(bench: Bench, module: str) -> Runtime:
    return bench.runtime(module=module, lanes=ALL, slots=1)


def permits(bench: Bench, job: JobId) -> list[tuple[object, ...]]:
    says = "select says from permits join effects using (tenant_id, effect_key) where job_id = %s"
    return bench.ask(says, job)


def tried(bench: Bench, job: JobId, runtime: Runtime) -> object:
    """Try the step now, however long it was to wait."""
    now = "due_at = created_at where job_id = %s and position = 1 and status = 'ready' returning 1"
    bench.ask(f"update steps set {now}", job)
    bench.deliver(runtime, job, -1)
    return bench.ask("select tries from steps where job_id = %s and position = 1", job)[0][0]


def let_hours_pass(bench: Bench, job: JobId) -> None:
    """Put the permit back into the past, past the guards that would refuse it."""
    back = "granted_at = granted_at - interval '3 hours', quiet_after = quiet_after - interval '3 hours'"
    with bench.database.connection() as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(
            f"update permits set {back} where effect_key in"
            " (select effect_key from effects where job_id = %s)".encode(),
            (job,),
        )
        connection.execute("reset session_replication_role")


def until_in_doubt(bench: Bench, job: JobId, runtime: Runtime) -> None:
    def doubted() -> bool:
        bench.deliver(runtime, job, -1)
        return bench.status(job) == "in_doubt"

    bench.until(doubted, f"the job is {bench.status(job)}")


def say(bench: Bench, job: JobId, verdict: GivenVerdict) -> None:
    ((key,),) = bench.ask("select effect_key from effects where job_id = %s", job)
    assert isinstance(key, UUID)
    Controls(bench.database).give_verdict(
        bench.tenant, key, verdict=verdict, result=b'"seen"', by="a person", reason="looked"
    )
