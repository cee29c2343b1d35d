"""A step that a worker cannot do waits for one that can, and uses up no try."""

from datetime import timedelta

import pytest

from agent_workers.domain.agents.engine_tools import DELEGATE
from agent_workers.domain.decision import Park, TryAgain
from agent_workers.domain.step import StepKind
from agent_workers.domain.wait import WaitKind
from agent_workers.orchestration.steps.not_served import missing, no_tool, until_served
from agent_workers.orchestration.traits import Lacking
from tests.unit.orchestration.agents import claimed

NO_AGENT = Lacking("this worker has no agent 'x'", "agent:x")


def test_it_waits_for_what_is_missing_longer_each_time():
    waits = []
    for fence in (1, 2, 3, 99):
        parked = until_served(claimed(StepKind.PLAN, fence=fence), NO_AGENT, jitter=1.0)
        assert isinstance(parked, Park)
        assert (parked.wait.kind, parked.wait.key) == (WaitKind.WORKER, "agent:x")
        assert parked.wait.timeout is not None
        waits.append(parked.wait.timeout.total_seconds())
    assert waits == [0.5, 1, 2, 300]


def test_why_is_told():
    parked = until_served(claimed(StepKind.PLAN), NO_AGENT, jitter=1.0)
    assert isinstance(parked, Park)
    assert parked.wait.prompt == b'{"message":"this worker has no agent \'x\'"}'


def test_what_waits_for_something_else_keeps_that_wait():
    step = claimed(StepKind.TOOL, tool=DELEGATE, fence=99)
    assert until_served(step, NO_AGENT, jitter=1.0) == TryAgain(
        delay=timedelta(seconds=15), code="unknown_agent", message=NO_AGENT.reason, counts=False
    )


@pytest.mark.parametrize(
    ("lacking", "code"),
    [(NO_AGENT, "unknown_agent"), (no_tool(claimed(StepKind.TOOL, tool="t")), "unknown_tool")],
)
def test_an_effect_that_may_have_happened_fails_by_its_name(lacking: Lacking, code: str):
    assert missing(lacking).code == code
