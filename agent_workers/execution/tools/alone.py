"""Calls one tool outside of any job, on the same way as a worker would: for whoever tries it out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from agent_workers.domain.agents.agent import Agent
from agent_workers.domain.claim import Claimed
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import EffectKey, JobId, TenantId
from agent_workers.domain.reply import Happened, NotDone, Reply, Seen, Unclear, Written
from agent_workers.domain.step import Broke, StepKind, ToolFailed, ToolRan
from agent_workers.domain.tools.tool import Statement
from agent_workers.execution.agents.registry import LoadedAgent, LoadedTool
from agent_workers.execution.tools.calling import Given
from agent_workers.execution.tools.router import ToolRouter
from agent_workers.execution.values.results import problems_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """For whom a tool is called, and under which key."""

    tenant_id: TenantId
    job_id: JobId
    key: EffectKey
    user_id: str = ""
    session_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """What came of a call: a result, or why there is none."""

    result: bytes | None = None
    # Why there is no result, or how it is not what the tool declares.
    remark: str = ""
    # It may have happened all the same.
    unclear: bool = False


def wrong_arguments(tool: LoadedTool, arguments: bytes) -> str:
    """Say what is wrong with arguments; empty when nothing is."""
    try:
        tool.signature.read(arguments)
    except ValidationError as error:
        return problems_of(error, whole="arguments")
    return ""


def call_alone(
    tool: LoadedTool,
    arguments: bytes,
    who: Who,
    given: Given,
    *,
    run: Callable[[Sequence[Statement]], None],
) -> Called:
    """Call the tool once; `run` runs the statements of a transactional one."""
    router, claimed = _router(tool, given), _claimed(tool, arguments, who)
    match tool.declared.effect:
        case EffectClass.PURE:
            return _told(router.run(claimed))
        case EffectClass.TRANSACTIONAL:
            wish = router.write(claimed)
            if not isinstance(wish, Written):
                return _told(wish)
            run(wish.statements)
            return Called(result=wish.result)
        case _:
            reply = router.act(claimed, arguments, key=who.key, attempt=1)
            return _replied(reply, router, claimed)


def look_up_alone(tool: LoadedTool, arguments: bytes, who: Who, given: Given) -> Seen:
    """Ask the tool's look-up what became of the call with this key."""
    claimed = _claimed(tool, arguments, who)
    return _router(tool, given).look_up(claimed, arguments, key=who.key)


def _told(came: ToolRan | ToolFailed | Broke) -> Called:
    if isinstance(came, ToolRan):
        return Called(result=came.result)
    return Called(remark=f"{came.code}: {came.message}")


def _replied(reply: Reply, router: ToolRouter, claimed: Claimed) -> Called:
    match reply:
        case Happened(result=result):
            return Called(result=result, remark=router.objection(claimed, result))
        case NotDone(broke=broke):
            return Called(remark=f"{broke.code}: {broke.message} (it certainly did not happen)")
        case Unclear(broke=broke):
            return Called(remark=f"{broke.code}: {broke.message}", unclear=True)


def _router(tool: LoadedTool, given: Given) -> ToolRouter:
    agent = Agent(name="alone", tools=[tool.declared])
    loaded = LoadedAgent(declared=agent, tools={tool.declared.name: tool})
    return ToolRouter(lambda _: loaded, give=given.give, hides=given.hides)


def _claimed(tool: LoadedTool, arguments: bytes, who: Who) -> Claimed:
    return Claimed(
        tenant_id=who.tenant_id,
        job_id=who.job_id,
        root_id=who.job_id,
        position=0,
        round=0,
        kind=StepKind.TOOL,
        lane=tool.lane,
        fence=1,
        tries=0,
        tool=tool.declared.name,
        call_id="",
        arguments=arguments,
        effect=tool.declared.effect,
        timeout_ms=tool.timeout_ms,
        hold_micro=0,
        agent="alone",
        input=b"{}",
        max_steps=1,
        user_id=who.user_id,
        session_id=who.session_id,
    )
