"""The past of a job, written as the engine stores it, for tests of what planners see."""

import json
from collections.abc import Sequence
from uuid import UUID

from agent_workers.domain import codec
from agent_workers.domain.agents.agent import Past, Situation
from agent_workers.domain.course import NEW, Course
from agent_workers.domain.step import Outcome, Planned, ToolCall


class Story:
    """Steps in the order in which they were recorded; each gets the next position."""

    def __init__(self, *, asked: object = "add", round_: int = 0) -> None:
        self.pasts: list[Past] = []
        self.asked = asked
        self.round = round_

    def planned(self, *calls: ToolCall, answer: bytes | None = None) -> "Story":
        return self._add("plan", Planned(calls=calls, answer=answer))

    def outcome(self, kind: str, outcome: Outcome) -> "Story":
        return self._add(kind, outcome)

    def ran(self, call_id: str, value: object, tool: str = "add") -> "Story":
        return self._past("tool", "tool_ran", value, tool, call_id)

    def failed(self, call_id: str, code: str, message: str = "", tool: str = "add") -> "Story":
        error = {"code": code, "message": message}
        return self._past("tool", "tool_failed", error, tool, call_id)

    def judged(self, verdict: str, reason: str = "") -> "Story":
        return self._past("evaluate", "judged", {"verdict": verdict, "reason": reason})

    def next_round(self) -> "Story":
        self.round += 1
        return self

    def situation(self, course: Course = NEW) -> Situation:
        return Situation(
            tenant_id="t",
            job_id=UUID(int=1),
            input=self.asked,
            round=self.round,
            history=tuple(self.pasts),
            course=course,
        )

    def _add(self, kind: str, outcome: Outcome) -> "Story":
        return self._past(kind, codec.TYPES[type(outcome)], json.loads(codec.encode(outcome)))

    def _past(
        self, kind: str, type_: str, value: object, tool: str = "", call_id: str = ""
    ) -> "Story":
        position = len(self.pasts)
        past = Past(
            position=position,
            round=self.round,
            kind=kind,
            tool=tool,
            type=type_,
            value=value,
            call_id=call_id,
        )
        self.pasts.append(past)
        return self


def call(call_id: str, after: Sequence[str] = (), *, tool: str = "add", **more: object) -> ToolCall:
    arguments = json.dumps(more, sort_keys=True, separators=(",", ":")).encode()
    return ToolCall(tool=tool, arguments=arguments, call_id=call_id, after=tuple(after))
