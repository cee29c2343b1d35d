"""Which results of tools are remembered, and for whom they are recalled."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent_workers.domain.claim import Claimed
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import Misdeclared, ToolError
from agent_workers.domain.ids import TenantId
from agent_workers.domain.step import StepKind, ToolRan
from agent_workers.domain.tools.declaring import tool
from agent_workers.domain.tools.remembered import Remembered
from agent_workers.domain.tools.tool import Tool
from agent_workers.execution.agents.registry import LoadedAgent, loaded
from agent_workers.execution.tools.remembered_in_memory import ToolAnswersInMemory
from agent_workers.execution.tools.router import ToolRouter
from tests.unit.execution.evaluator.rounds import by_function
from tests.unit.orchestration.agents import claimed

AN_HOUR = timedelta(hours=1)
STEP = replace(claimed(StepKind.TOOL, tool="search"), arguments=b'{"word":"a"}')


def searching(**declared: Any) -> Tool:
    @tool(effect=EffectClass.PURE, **declared)
    def search(word: str) -> str:
        """Search."""
        if word == "no":
            raise ToolError("there is no such word")
        return f"about {word}"

    return search


def router(declared: Tool, answers: ToolAnswersInMemory) -> ToolRouter:
    agent = loaded(by_function(declared))

    def find(_: Claimed) -> LoadedAgent:
        return agent

    return ToolRouter(find, answers)


def recalled(step: Claimed, first: Tool, second: Tool | None = None) -> Remembered | None:
    """Let one tool run, and recall what another one would have given."""
    answers = ToolAnswersInMemory()
    assert router(first, answers).run(STEP) == ToolRan(result=b'"about a"')
    return router(second or first, answers).recall(step, "search")


def test_what_a_tool_gave_is_recalled_with_its_time() -> None:
    answer = recalled(STEP, searching(stale_for=AN_HOUR))
    assert answer is not None
    assert (answer.tool, answer.result) == ("search", b'"about a"')
    assert timedelta(0) <= datetime.now(UTC) - answer.at < timedelta(seconds=30)


@pytest.mark.parametrize(
    "other",
    [
        replace(STEP, arguments=b'{"word":"b"}'),
        replace(STEP, tenant_id=TenantId("another")),
    ],
)
def test_nobody_gets_what_others_asked_for(other: Claimed) -> None:
    assert recalled(other, searching(stale_for=AN_HOUR)) is None


def test_a_tool_that_says_nothing_of_it_is_not_remembered() -> None:
    assert recalled(STEP, searching(), searching(stale_for=AN_HOUR)) is None
    assert recalled(STEP, searching(stale_for=AN_HOUR), searching()) is None


def test_a_tool_that_takes_other_arguments_by_now_is_not_answered_for() -> None:
    @tool(effect=EffectClass.PURE, stale_for=AN_HOUR, name="search")
    def changed(word: str, most: int = 3) -> str:
        return word * most

    assert recalled(STEP, searching(stale_for=AN_HOUR), changed) is None


def test_what_has_become_too_old_since_is_not_recalled() -> None:
    shorter = searching(stale_for=timedelta(microseconds=1))
    assert recalled(STEP, searching(stale_for=AN_HOUR), shorter) is None


@pytest.mark.parametrize(
    "check", [lambda _: "it is empty", lambda _: 1 / 0], ids=["objects", "breaks"]
)
def test_a_result_that_its_check_objects_to_is_not_remembered(check: Any) -> None:
    assert recalled(STEP, searching(stale_for=AN_HOUR, check=check)) is None
    assert recalled(STEP, searching(stale_for=AN_HOUR, check=lambda _: None)) is not None


def test_a_failure_is_not_remembered() -> None:
    route = router(searching(stale_for=AN_HOUR), ToolAnswersInMemory())
    step = replace(STEP, arguments=b'{"word":"no"}')
    route.run(step)
    assert route.recall(step, "search") is None


@pytest.mark.parametrize("effect", [one for one in EffectClass if one is not EffectClass.PURE])
def test_only_pure_tools_may_give_old_answers(effect: EffectClass) -> None:
    def pay() -> None: ...

    with pytest.raises(Misdeclared, match="stale_for= is for pure tools only"):
        tool(effect=effect, stale_for=AN_HOUR, key_ttl=AN_HOUR, look_up=pay)(pay)


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(Misdeclared, match="stale_for must be positive"):
        searching(stale_for=timedelta(0))
