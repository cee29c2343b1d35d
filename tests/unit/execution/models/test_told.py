"""Who watches a job is told what is for people, and nothing of what its model says to itself."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from agent_workers.domain.models.delta import Delta
from agent_workers.execution.models.values import Message, ModelReply, ModelRequest
from agent_workers.execution.models.wrappers.told import Told
from tests.unit.execution.models.fakes import said
from tests.unit.orchestration.agents import claimed

ANSWER = ModelRequest(
    model="p/m",
    messages=(Message(role="user", content="hi"),),
    max_output_tokens=10,
    purpose="summarise",
)


class Streaming:
    def complete(self, request: ModelRequest, *, deadline_s: float) -> ModelReply:  # noqa: ARG002
        return said("hello")

    def stream(
        self,
        request: ModelRequest,
        *,
        deadline_s: float,
        say: Callable[[str], None],
    ) -> ModelReply:
        say("hello")
        return self.complete(request, deadline_s=deadline_s)


class Heard:
    def __init__(self) -> None:
        self.words: list[str] = []

    def say(self, delta: Delta) -> None:
        self.words.append(delta.text)


@pytest.mark.parametrize(
    ("request_", "heard"),
    [
        (ANSWER, ["hello"]),
        (replace(ANSWER, purpose="evaluate"), []),
        (replace(ANSWER, is_private=True), []),
    ],
    ids=["an answer", "a verdict", "a summary of what was said before"],
)
def test_only_what_people_read_is_streamed(request_: ModelRequest, heard: list[str]) -> None:
    deltas = Heard()
    told = Told(Streaming(), deltas=deltas, claimed=claimed())
    assert told.complete(request_, deadline_s=1).text == "hello"
    assert deltas.words == heard
