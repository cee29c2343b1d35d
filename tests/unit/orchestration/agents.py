"""An agent and a claimed step, as plain values for tests of decisions."""

from datetime import timedelta
from uuid import UUID

from agent_workers.domain.claim import Claimed
from agent_workers.domain.effect import EffectClass, EffectRules
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.job import Limits
from agent_workers.domain.step import Lane, StepKind
from agent_workers.orchestration.traits import AgentTraits, ToolTraits

JOB = JobId(UUID(int=1))


def traits(name: str, cls: EffectClass = EffectClass.PURE) -> ToolTraits:
    timed = cls in {EffectClass.RECONCILABLE, EffectClass.UNSAFE}
    return ToolTraits(
        name=name,
        rules=EffectRules(cls=cls, timeout=timedelta(seconds=1)),
        lane=Lane.EFFECT if timed else Lane.TOOL,
        timeout_ms=1_000,
        max_tries=2,
    )


AGENT = AgentTraits(
    name="demo",
    tools={"read": traits("read"), "pay": traits("pay", EffectClass.UNSAFE)},
    limits=Limits(max_rounds=3, max_parallel=4),
    plan_timeout_ms=11,
    evaluate_timeout_ms=22,
    plan_hold_micro=5,
    evaluate_hold_micro=6,
)


def claimed(
    kind: StepKind = StepKind.PLAN,
    *,
    tool: str = "",
    round_: int = 0,
    tries: int = 0,
    effect: EffectClass = EffectClass.PURE,
    fence: int = 1,
) -> Claimed:
    return Claimed(
        tenant_id=TenantId("t"),
        job_id=JOB,
        root_id=JOB,
        position=1,
        round=round_,
        kind=kind,
        lane=Lane.TOOL,
        fence=fence,
        tries=tries,
        tool=tool,
        call_id="",
        arguments=b"{}",
        effect=effect,
        timeout_ms=1_000,
        hold_micro=0,
        agent="demo",
        input=b"{}",
        max_steps=100,
    )
