"""Budgets and allowances: what a job may spend, draws, holds and gives back."""

from collections.abc import Iterable

from agent_workers.domain.errors import BudgetExceeded
from agent_workers.domain.ids import TenantId
from agent_workers.testing.memory.rows import Budget, Job, Rows


def pay_for(rows: Rows, job: Job, hold: int) -> bool:
    """Say whether a job can pay for what a step may cost; who has no limit of its own draws it."""
    if _is_overdrawn(rows, job.tenant_id):
        return False
    missing = hold - job.left_micro
    if missing <= 0:
        return True
    left = left_in_budgets(rows, job.tenant_id)
    if not job.draws or (left is not None and left < missing):
        return False
    # As much again, so that it need not come for each step.
    drawn = missing + hold if left is None else min(left, missing + hold)
    reserve(rows, job, drawn)
    job.allowance_micro += drawn
    return True


def can_carry(rows: Rows, job: Job, hold: int) -> bool:
    """Say whether a worker may go on with a step at once: what it may cost is there already."""
    if job.allowance_micro == 0:
        return True
    wanted = max(hold, int(job.draws))
    return wanted <= job.left_micro and not _is_overdrawn(rows, job.tenant_id)


def left_in_budgets(rows: Rows, tenant_id: TenantId) -> int | None:
    """Say what every budget of a tenant has left; None when it has none."""
    return min((budget.left_micro for budget in _budgets(rows, tenant_id)), default=None)


def left_to(rows: Rows, job: Job) -> int | None:
    """Say what a step may know of the money that is left; None: there is no such limit."""
    if job.allowance_micro == 0:
        return None
    more = left_in_budgets(rows, job.tenant_id) if job.draws else 0
    return job.left_micro + (more or 0)


def check(rows: Rows, tenant_id: TenantId, plan_hold_micro: int) -> None:
    """Refuse a job without a limit of its own where its first step could not be paid for."""
    for name, budget in rows.budgets.get(tenant_id, {}).items():
        if budget.left_micro < max(1, plan_hold_micro):
            raise BudgetExceeded(f"budget {name} is used up")


def reserve(rows: Rows, job: Job, amount: int) -> None:
    """Move an allowance, or more of one, from each budget of its tenant to a job."""
    budgets = rows.budgets.get(job.tenant_id, {})
    for name, budget in budgets.items():
        if budget.left_micro < amount:
            raise BudgetExceeded(f"budget {name} is used up")
    for budget in budgets.values():
        budget.reserved_micro += amount
        budget.of_jobs[job.job_id] = budget.of_jobs.get(job.job_id, 0) + amount


def settle(rows: Rows, job: Job) -> None:
    """Give back what a job reserved and did not spend."""
    for budget in _budgets(rows, job.tenant_id):
        amount = budget.of_jobs.pop(job.job_id, None)
        if amount is not None:
            budget.reserved_micro -= amount
            budget.spent_micro += job.spent_micro
            budget.overrun_micro += max(0, job.spent_micro - amount)


def carved(rows: Rows, job: Job, asked: int | None, reserved: int) -> int | None:
    """Say what a child may spend; None: its parent has no such limit; 0: there is not enough."""
    if job.allowance_micro == 0:
        return None
    left = job.left_micro - reserved
    if job.draws:
        in_budgets = left_in_budgets(rows, job.tenant_id)
        left += in_budgets if in_budgets is not None else asked or 0
        asked = left // 10 if asked is None else asked
    if asked is not None:
        return asked if asked <= left + reserved else 0
    others = [
        step
        for step in job.open_steps()
        if step.told.tool in {"delegate", "hand_off"} and step.position not in job.waits
    ]
    return max(0, left // max(1, len(others)))


def _is_overdrawn(rows: Rows, tenant_id: TenantId) -> bool:
    return any(
        budget.spent_micro + budget.reserved_micro > budget.limit_micro + budget.overrun_micro
        for budget in _budgets(rows, tenant_id)
    )


def _budgets(rows: Rows, tenant_id: TenantId) -> Iterable[Budget]:
    return rows.budgets.get(tenant_id, {}).values()
