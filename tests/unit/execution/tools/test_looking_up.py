"""What a failed look-up says of the next one: whether it may see more, or will fail again."""

from typing import Annotated

import pytest
from pydantic import AfterValidator

from agent_workers import NotSent, ToolError, TryLater
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import FacilityAway, FacilityError
from agent_workers.domain.ids import effect_key
from agent_workers.domain.reply import NotDone, Seen
from agent_workers.domain.step import Broke, StepKind
from agent_workers.domain.tools.declaring import tool
from agent_workers.domain.tools.tool import Absent, Tool
from agent_workers.execution.agents.registry import loaded
from agent_workers.execution.tools.router import ToolRouter
from tests.unit.execution.evaluator.rounds import by_function
from tests.unit.orchestration.agents import claimed

STEP = claimed(StepKind.TOOL, tool="charge", effect=EffectClass.RECONCILABLE)
KEY = effect_key(STEP.root_id, STEP.position)


def _no_list(_: str) -> str:
    raise KeyError("prices")


Priced = Annotated[str, AfterValidator(_no_list)]


@pytest.mark.parametrize(
    "raised",
    [
        TryLater("busy"),
        FacilityAway("the source is away"),
        NotSent("not reached"),
        ConnectionResetError(),
        TimeoutError(),
        RuntimeError("nobody knows what"),
    ],
    ids=repr,
)
def test_what_may_pass_is_asked_again(raised: Exception) -> None:
    assert broke_of(looked_up(failing(raised))).retryable


@pytest.mark.parametrize(
    "raised",
    [
        ToolError("no such account"),
        FacilityError("not allowed"),
        ValueError("no JSON"),
        TypeError(),
    ],
    ids=repr,
)
def test_what_will_fail_again_says_so(raised: Exception) -> None:
    assert not broke_of(looked_up(failing(raised))).retryable


def test_a_request_that_its_tool_does_not_take_any_more_will_not_be_taken_later() -> None:
    def charge(order: str, currency: str) -> str:
        """Charge, in a currency since the last deploy."""
        return order + currency

    declared = tool(name="charge", effect=EffectClass.RECONCILABLE, look_up=_absent)(charge)
    broke = broke_of(looked_up(declared, b'{"order":"secret"}'))
    assert (broke.code, broke.retryable) == ("bad_arguments", False)
    assert "currency" in broke.message
    assert "secret" not in broke.message


def test_a_validator_that_breaks_is_no_call() -> None:
    def charge(order: Priced) -> str:
        """Charge."""
        raise AssertionError(order)

    declared = tool(name="charge", effect=EffectClass.RECONCILABLE, look_up=_absent)(charge)
    reply = router(declared).act(STEP, b'{"order":"7"}', key=KEY, attempt=1)
    assert isinstance(reply, NotDone)
    assert reply.broke.code == "bad_arguments"
    assert not broke_of(looked_up(declared, b'{"order":"7"}')).retryable


def failing(raised: Exception) -> Tool:
    def look_up() -> Absent:
        raise raised

    def charge() -> str:
        """Charge."""
        return "charged"

    return tool(name="charge", effect=EffectClass.RECONCILABLE, look_up=look_up)(charge)


def _absent(**_: object) -> Absent:
    return Absent()


def looked_up(declared: Tool, request: bytes = b"{}") -> Seen:
    return router(declared).look_up(STEP, request, key=KEY)


def router(declared: Tool) -> ToolRouter:
    agent = loaded(by_function(declared))
    return ToolRouter(lambda _: agent)


def broke_of(seen: Seen) -> Broke:
    assert seen.broke is not None
    return seen.broke
