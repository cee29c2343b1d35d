"""The examples of the evaluator's page run, and do what it says."""

import re
from typing import Any

from agent_workers.domain.step import Verdict
from agent_workers.execution.evaluator.evaluating import evaluate
from tests.support.repository import ROOT
from tests.unit.execution.evaluator.rounds import an, call, failed, planned, ran, situation
from tests.unit.orchestration.agents import claimed

PAGE = ROOT / "docs" / "evaluator.md"


def documented() -> dict[str, Any]:
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.+?)```", PAGE.read_text(), re.DOTALL):
        exec(compile(block, PAGE.name, "exec"), names)  # it is our own text
    return names


def test_the_agents_of_the_page_can_be_loaded() -> None:
    names = documented()
    assert [an(names[name]).declared.name for name in ("quote", "clerk", "careful")]


def test_the_clerk_of_the_page_retries_answers_and_promises_nothing() -> None:
    clerk = an(documented()["clerk"])

    def verdict(*history: Any) -> Verdict:
        return evaluate(claimed(), clerk, situation(*history), None).verdict

    plan = planned(call("found", "search", words="refunds"))
    assert verdict(plan, failed("found", "timeout", name="search")) is Verdict.RETRY
    assert verdict(plan, ran("found", [{"id": "doc_7"}], name="search")) is Verdict.ACCEPT
    assert verdict(plan, ran("found", [{"text": "tomorrow"}], name="search")) is Verdict.REPLAN
    assert verdict(plan, ran("found", [], name="search")) is Verdict.FAIL
