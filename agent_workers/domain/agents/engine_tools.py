"""What every agent may plan besides its own tools: other agents, events, people, and time."""

from collections.abc import Container, Mapping, Sequence
from datetime import timedelta
from typing import Final, TypeVar

from agent_workers.domain.agents.agent import Use

T = TypeVar("T")
DELEGATE: Final = "delegate"
HAND_OFF: Final = "hand_off"
SEND_EVENT: Final = "send_event"
WAIT_FOR_EVENT: Final = "wait_for_event"
WAIT: Final = "wait"
ASK_PERSON: Final = "ask_person"
# What a person may answer when a tool has failed for good.
TRY_AGAIN: Final = "try again"
GO_ON: Final = "go on without it"
LET_FAIL: Final = "let the job fail"
# The engine does these itself; no tool of a user's may have such a name.
ENGAGED: Final = frozenset({DELEGATE, HAND_OFF, SEND_EVENT, WAIT_FOR_EVENT, WAIT, ASK_PERSON})
# What an agent's list of tools may call them.
NAMED_AS_TOOLS: Final[Mapping[str, str]] = {name: name for name in sorted(ENGAGED)} | {
    "ask_human": ASK_PERSON
}


def delegate(
    agent: str,
    *,
    input: object,  # noqa: A002 (what a job's input is called everywhere)
    max_cost_usd: float | None = None,
    timeout: timedelta | None = None,
    id: str = "",  # noqa: A002 (as in `Use`)
    after: Sequence[str] = (),
) -> Use:
    """Start a job of another agent, and go on with its answer."""
    arguments = {"agent": agent, "input": input, "max_cost_usd": max_cost_usd}
    return _use(DELEGATE, arguments, timeout, id=id, after=after)


def hand_off(agent: str, *, input: object, reason: str = "") -> Use:  # noqa: A002 (as above)
    """Let another agent take over: its answer is this job's answer."""
    return _use(HAND_OFF, {"agent": agent, "input": input, "reason": reason})


def send_event(job_id: str, name: str, data: object = None) -> Use:
    """Send a message to another job, which may wait for it or find it later."""
    return _use(SEND_EVENT, {"job_id": job_id, "name": name, "data": data})


def wait_for_event(name: str, *, timeout: timedelta | None = None) -> Use:
    """Wait, without a worker, until somebody sends this job an event of this name."""
    return _use(WAIT_FOR_EVENT, {"name": name}, timeout)


def wait(span: timedelta) -> Use:
    """Let time pass, up to years, without a worker."""
    return _use(WAIT, {"seconds": span.total_seconds()})


def ask_person(
    question: str, *, choices: Sequence[str] = (), timeout: timedelta | None = None
) -> Use:
    """Ask a person, and wait without a worker for the answer."""
    return _use(ASK_PERSON, {"question": question, "choices": list(choices)}, timeout)


def split_engaged(
    listed: Sequence[T], known: Container[str]
) -> tuple[tuple[T, ...], tuple[str, ...]]:
    """Tell tools from names of what the engine does itself; a known tool of the name wins."""
    engaged = [
        one for one in listed if isinstance(one, str) and one in NAMED_AS_TOOLS and one not in known
    ]
    left = tuple(one for one in listed if one not in engaged)
    return left, tuple(dict.fromkeys(NAMED_AS_TOOLS[name] for name in engaged))


def _use(
    name: str,
    arguments: Mapping[str, object],
    timeout: timedelta | None = None,
    *,
    id: str = "",  # noqa: A002 (as above)
    after: Sequence[str] = (),
) -> Use:
    given = {key: value for key, value in arguments.items() if value is not None}
    if timeout is not None:
        given["timeout_seconds"] = timeout.total_seconds()
    return Use(name, given, id=id, after=after)
