"""A model that was recorded once says the same again, and nothing that it was not asked."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent_workers import Agent, Effect, tool
from agent_workers.domain.budget import Usage
from agent_workers.execution.first_turn import first_turn
from agent_workers.execution.models.scripted.recorded import NotRecorded, RecordedModel
from agent_workers.execution.models.values import Message, ModelReply, ModelRequest, ToolCallWish

ASKED = ModelRequest(
    model="openai/gpt-5",
    messages=(Message(role="user", content="Refund A1"),),
    max_output_tokens=100,
    purpose="plan",
)
SAID = ModelReply(
    text="",
    tool_calls=(ToolCallWish(id="c", name="refund", arguments_json='{"order": "A1"}'),),
    usage=Usage(input=7, output=3, cost_micro=11, calls=1),
    price_version="1",
    finish_reason="tool_calls",
    model="openai/gpt-5",
)


class Talkative:
    """Says the same to everybody, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def complete(self, request: ModelRequest, *, deadline_s: float) -> ModelReply:
        del request, deadline_s
        self.asked += 1
        return SAID


@tool(effect=Effect.PURE)
def refund(order: str) -> str:
    """Pay an order back."""
    return order


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "recorded" / "a.json"


def test_a_reply_is_recorded_once_and_comes_back_whole(file: Path) -> None:
    behind = Talkative()
    for _ in range(2):
        assert RecordedModel(file, behind=behind).complete(ASKED, deadline_s=1) == SAID
    assert RecordedModel(file).complete(ASKED, deadline_s=1) == SAID
    assert behind.asked == 1


@pytest.mark.parametrize(
    "other",
    [
        replace(ASKED, model="openai/gpt-5-mini"),
        replace(ASKED, messages=(Message(role="user", content="Refund A2"),)),
        replace(ASKED, purpose="evaluate"),
        replace(ASKED, max_output_tokens=101),
    ],
)
def test_what_was_not_recorded_is_an_error_that_says_what(file: Path, other: ModelRequest) -> None:
    RecordedModel(file, behind=Talkative()).complete(ASKED, deadline_s=1)
    with pytest.raises(NotRecorded, match=other.messages[0].content):
        RecordedModel(file).complete(other, deadline_s=1)


def test_what_is_recorded_and_never_asked_is_named(file: Path) -> None:
    RecordedModel(file, behind=Talkative()).complete(ASKED, deadline_s=1)
    assert RecordedModel(file).unused == ["Refund A1"]


def test_prompts_are_not_kept_but_for_their_end(file: Path) -> None:
    secret = Message(role="system", content="a secret instruction")
    asked = replace(ASKED, messages=(secret, *ASKED.messages))
    RecordedModel(file, behind=Talkative()).complete(asked, deadline_s=1)
    assert "secret" not in file.read_text()


def test_the_first_turn_of_an_agent_is_what_its_model_plans_with_its_tools(file: Path) -> None:
    agent = Agent(name="desk", model="openai/gpt-5", tools=[refund])
    turns = [
        first_turn(agent, {"message": "Refund A1"}, model=RecordedModel(file, behind=behind))
        for behind in (Talkative(), None)
    ]
    assert turns[0] == turns[1]
    assert [(use.tool, use.arguments) for use in turns[1].uses] == [("refund", {"order": "A1"})]
