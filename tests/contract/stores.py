"""Postgres and the memory of one process, as the two stores that a test is run upon."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from typing_extensions import override

from agent_workers.domain.ids import EffectKey, JobId, TenantId
from agent_workers.domain.job import Submission
from agent_workers.domain.tools.tool import Statement
from agent_workers.state.database.engine import Database
from agent_workers.state.jobs.controls import Controls, GivenVerdict
from agent_workers.state.jobs.messages import Mail
from agent_workers.state.jobs.submissions import Pace, Submissions
from agent_workers.state.steps.calls import Calls
from agent_workers.state.steps.waits import Waits
from agent_workers.testing.clock import FakeClock
from agent_workers.testing.memory.rows import Budget
from agent_workers.testing.memory.rows import Pace as PaceInMemory
from agent_workers.testing.memory.store import Store
from agent_workers.testing.memory.submitting import submit_once
from tests.contract.store_world import Facts, StoreWorld
from tests.integration.state.world import World

# Shifted together, so that time seems to have passed for a tenant.
_TIMES = {
    "steps": ("due_at", "ring_at", "lease_until"),
    "jobs": ("deadline_at",),
    "timers": ("due_at",),
    "waits": ("expires_at",),
    "permits": ("granted_at", "quiet_after", "key_expires_at"),
    "effects": ("first_granted_at",),
    "idempotency_keys": ("expires_at",),
}


class InPostgres(StoreWorld):
    def __init__(self, database: Database, tenant: TenantId) -> None:
        self._world = world = World(database, tenant)
        self.tenant, self._database = tenant, database
        self.claims, self.records, self.permits = world.claims, world.records, world.permits
        self.waits, self.mail, self.calls = Waits(database), Mail(database), Calls(database)

    @override
    def store_job(
        self, submission: Submission, hold: int, key: str | None, fingerprint: bytes
    ) -> JobId:
        pace = Pace(plan_timeout_ms=60_000, plan_hold_micro=hold)
        admitted = Submissions(self._database).once(
            (submission, pace), key=key, fingerprint=fingerprint
        )
        return admitted.job_id

    @override
    def know_agent(self, name: str, hold: int) -> None:
        self._world.one(
            "insert into agents (tenant_id, name, version, plan_timeout_ms, plan_hold_micro)"
            " values (%s, %s, '1', 1000, %s)",
            *(self.tenant, name, hold),
        )

    @override
    def pass_time(self, by: timedelta) -> None:
        with self._database.connection() as connection:
            connection.execute("set session_replication_role = replica")  # past the guards
            for table, columns in _TIMES.items():
                moved = ", ".join(f"{name} = {name} - %(by)s" for name in columns)
                statement = f"update {table} set {moved} where tenant_id = %(tenant)s"
                connection.execute(statement.encode(), {"by": by, "tenant": self.tenant})
            connection.execute("reset session_replication_role")

    @override
    def sweep(self) -> None:
        self._world.sweeps.expired()
        self._world.sweeps.deadlines()

    @override
    def stop(self, job: JobId, *, now: bool = False) -> str:
        changed = Controls(self._database).stop(self.tenant, job, reason="enough", now=now)
        return str(changed.status)

    @override
    def pause(self, job: JobId) -> str:
        return str(Controls(self._database).pause(self.tenant, job, reason="lunch").status)

    @override
    def resume(self, job: JobId) -> str:
        return str(Controls(self._database).resume(self.tenant, job).status)

    @override
    def settle(self, key: EffectKey, verdict: str) -> None:
        Controls(self._database).give_verdict(
            self.tenant, key, verdict=GivenVerdict(verdict), result=b"1", by="me", reason="seen"
        )

    @override
    def give_budget(self, limit: int) -> None:
        self._world.one("insert into budgets values (%s, 'all', %s)", self.tenant, limit)

    @override
    def budget(self) -> tuple[int, int]:
        sql = "select spent_micro, reserved_micro from budgets where tenant_id = %s"
        return tuple(self._world.one(sql, self.tenant))

    @override
    def facts(self, job: JobId) -> Facts:
        columns = "status, open_steps, held_micro, spent_micro, allowance_micro, output, error"
        status, still_open, held, spent, allowance, output, error = self._world.job(job, columns)
        effects = "select array_agg(state order by position) from effects where job_id = %s"
        return Facts(
            status=status,
            steps=self._world.steps(job),
            open_steps=still_open,
            held=held,
            spent=spent,
            allowance=allowance,
            answer=_json(output),
            error=_json(error),
            entries=self._world.journal(job),
            effects=list(self._world.one(effects, job) or []),
        )

    @override
    def journal(self, job: JobId) -> list[tuple[int, str, dict[str, object]]]:
        sql = "select number, type, data from journal where job_id = %s order by number"
        with self._database.connection() as connection:
            rows = connection.execute(sql, (job,)).fetchall()
        return [(number, kind, json.loads(data)) for number, kind, data in rows]


class InMemory(StoreWorld):
    def __init__(self, tenant: TenantId) -> None:
        self._clock = FakeClock()
        self._store = store = Store(self._clock, execute=_execute)
        self.tenant = tenant
        self.claims, self.records, self.permits = store.claims, store.records, store.permits
        self.waits, self.mail, self.calls = store.waits, store.mail, store.calls

    @override
    def store_job(
        self, submission: Submission, hold: int, key: str | None, fingerprint: bytes
    ) -> JobId:
        pace = PaceInMemory(plan_timeout_ms=60_000, plan_hold_micro=hold)
        return submit_once(self._store.rows, submission, pace, key=key, fingerprint=fingerprint)

    @override
    def know_agent(self, name: str, hold: int) -> None:
        pace = PaceInMemory(plan_timeout_ms=1_000, plan_hold_micro=hold, version="1")
        self._store.rows.agents[name] = pace

    @override
    def pass_time(self, by: timedelta) -> None:
        self._clock.advance(by)

    @override
    def sweep(self) -> None:
        self._store.sweeps.expired()
        self._store.sweeps.stops()

    @override
    def stop(self, job: JobId, *, now: bool = False) -> str:
        return self._store.controls.stop(self.tenant, job, reason="enough", now=now)

    @override
    def pause(self, job: JobId) -> str:
        return self._store.controls.pause(self.tenant, job, reason="lunch")

    @override
    def resume(self, job: JobId) -> str:
        return self._store.controls.resume(self.tenant, job)

    @override
    def settle(self, key: EffectKey, verdict: str) -> None:
        self._store.permits.give_verdict(self.tenant, key, verdict, b"1", "seen")

    @override
    def give_budget(self, limit: int) -> None:
        self._store.rows.budgets[self.tenant] = {"all": Budget(limit_micro=limit)}

    @override
    def budget(self) -> tuple[int, int]:
        one = self._store.rows.budgets[self.tenant]["all"]
        return one.spent_micro, one.reserved_micro

    @override
    def facts(self, job: JobId) -> Facts:
        row = self._store.rows.jobs[self.tenant, job]
        effects = sorted(self._store.rows.effects_of(row), key=lambda one: one.position)
        return Facts(
            status=row.status,
            steps=[step.status for step in row.steps],
            open_steps=len(row.open_steps()),
            held=row.held_micro,
            spent=row.spent_micro,
            allowance=row.allowance_micro,
            answer=_json(row.output),
            error=_json(row.error),
            entries=[entry.type for entry in row.journal],
            effects=[effect.state for effect in effects],
        )

    @override
    def journal(self, job: JobId) -> list[tuple[int, str, dict[str, object]]]:
        entries = self._store.rows.jobs[self.tenant, job].journal
        return [(one.number, one.type, json.loads(json.dumps(dict(one.data)))) for one in entries]


def _execute(statements: Sequence[Statement]) -> None:
    """Refuse what Postgres refuses of the statements that tests run."""
    if any("1/0" in statement.sql for statement in statements):
        raise ArithmeticError("division by zero")


def _json(text: bytes | None) -> Any:
    return json.loads(text) if text else None


def both(database: Database, tenant: TenantId) -> Sequence[StoreWorld]:
    return InPostgres(database, tenant), InMemory(tenant)


@pytest.fixture(params=["postgres", "memory"])
def store(request: pytest.FixtureRequest, tenant: TenantId) -> StoreWorld:
    """One of the stores; a test of the one in memory starts no server."""
    if request.param == "memory":
        return InMemory(tenant)
    return InPostgres(request.getfixturevalue("database"), tenant)
