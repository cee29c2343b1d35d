"""A worker holds jobs to their bytes, and counts those of tenants."""

from agent_workers.worker.chores import chores
from tests.integration.state.keeping import count
from tests.integration.state.schedule_world import unheard
from tests.integration.worker.conftest import Bench

_MIB = 1 << 20


def test_a_job_fails_beyond_what_the_setting_says(bench: Bench) -> None:
    ended = []
    for mib in (1, 2):
        bench.settings = bench.settings.model_copy(update={"job_mib": mib})
        job = bench.submit({"uses": [["echo", {"value": 1}]], "more": "x" * _MIB})
        bench.until_done(job, bench.runtime())
        [[code]] = bench.ask(
            "select convert_from(error, 'UTF8')::json ->> 'code' from jobs where job_id = %s", job
        )
        ended.append(code == "too_many_bytes")
    assert ended == [True, False]


def test_a_keeper_counts(bench: Bench) -> None:
    count(bench.database)
    bench.submit("x" * 1_000)
    sql = "select used > 1000 from quotas where tenant_id = %s and kind = 'bytes'"

    def counted() -> bool:
        bench.ask_nothing("update bytes_counted set at = '2000-01-01'")
        chores(bench.database, None, bool, unheard)()
        return bench.ask(sql, bench.tenant) == [(True,)]

    bench.until(counted, "the job is counted")
