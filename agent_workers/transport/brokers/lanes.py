"""Which queues a lane has: an ordinary one, and a high one for steps that recovery rings again."""

from collections.abc import Iterable
from enum import StrEnum

from agent_workers.domain.step import Lane


class Task(StrEnum):
    """The names of the Celery tasks; a tool step is a `tool` in either of its two lanes."""

    PLAN = "plan"
    TOOL = "tool"
    EVALUATE = "evaluate"


ORDINARY: dict[Lane, str] = {
    Lane.PLAN: "plan",
    Lane.TOOL: "tool",
    Lane.EFFECT: "effect",
    Lane.EVALUATE: "evaluate",
}
HIGH: dict[Lane, str] = {
    Lane.PLAN: "plan.high",
    Lane.TOOL: "tool.high",
    Lane.EFFECT: "effect.high",
    Lane.EVALUATE: "evaluate.high",
}
ALL_LANES: tuple[Lane, ...] = tuple(Lane)


def queue_of(lane: Lane, *, high: bool) -> str:
    return HIGH[lane] if high else ORDINARY[lane]


def queues_of(lanes: Iterable[Lane]) -> list[str]:
    """Return the queues to consume, in the order of their claim on a free slot."""
    wanted = list(lanes)
    return [HIGH[lane] for lane in wanted] + [ORDINARY[lane] for lane in wanted]
