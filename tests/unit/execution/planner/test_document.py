"""The page about the planner: its examples run, and its tables name what there is."""

import re
from dataclasses import fields

from agent_workers import Agent, Limits, Situation
from agent_workers.execution.agents.registry import loaded
from agent_workers.execution.planner.by_function import planned
from agent_workers.orchestration.steps.limits import CODES
from tests.support.repository import ROOT
from tests.unit.execution.planner.pasts import Story

PAGE = (ROOT / "docs" / "planner.md").read_text()
# Any: whatever the examples declare.
DECLARED: dict[str, object] = {}
exec("\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)), DECLARED)


def situation(asked: object) -> Situation:
    return Story(asked=asked).situation()


def test_every_agent_of_the_page_can_be_loaded() -> None:
    agents = [value for value in DECLARED.values() if isinstance(value, Agent)]
    assert [loaded(agent).declared.name for agent in agents] == ["orders", "helper", "careful"]


def test_the_workflow_of_the_page_is_chosen_by_the_input() -> None:
    orders = DECLARED["orders"]
    assert isinstance(orders, Agent)
    assert orders.plan is not None
    asked = situation({"order_id": "A-1"})
    made = planned(orders.plan(asked), asked)
    assert "calls" in repr(made)
    assert "order_flow" in repr(made)
    assert "Which order?" in repr(orders.plan(situation({})))


def test_the_page_names_every_limit_and_every_code() -> None:
    left_out = {
        name for name in {field.name for field in fields(Limits)} if f"`{name}`" not in PAGE
    }
    assert left_out <= {"max_invalid_plans"}
    assert all(f"`{code}`" in PAGE for code in CODES.values())
