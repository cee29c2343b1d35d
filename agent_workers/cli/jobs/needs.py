"""What a job waits for, and the command that a person runs about it."""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from agent_workers.terminal.printing import counted, cut
from agent_workers.terminal.times import clock, in_words, parsed

# Any: JSON as the API gave it.
Json = Mapping[str, Any]
_ME = "agent-workers"
_PATIENCE = timedelta(seconds=2)
_ONLY_IF = (
    "its tool is called again only if its last attempt certainly took no effect,"
    " or if it declares on_doubt=REPEAT"
)
_LOOKED_INTO = {
    "keyed": "its tool is called again with the same key",
    "reconcilable": _ONLY_IF,
    "unsafe": _ONLY_IF,
}
_LONGEST = 1_000
_POOLS = {"effect": "prefork"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One thing that a job waits for, and what to run about it."""

    text: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A job as the API shows it, at a time."""

    job: Json
    steps: Sequence[Json]
    # Effects of this job that are in doubt.
    doubts: Sequence[Json]
    now: datetime

    @property
    def id(self) -> str:
        name: str = self.job["id"]
        return name


def needs_of(seen: Seen) -> list[Need]:
    """Return what a job waits for; nothing where it has ended, or a worker is busy with it."""
    if seen.job["finished_at"] is not None:
        return []
    found = [need for wait in seen.job["waiting_for"] for need in _of_wait(wait, seen)]
    return found or list(_of_steps(seen))


def waits_in_short(job: Json) -> str:
    """Name what a job waits for in a few words, where its status alone does not say it."""
    waits = [wait for wait in job["waiting_for"] if wait["kind"] != job["status"]]
    named = dict.fromkeys(f"{wait['kind']} {wait['key'] or ''}".rstrip() for wait in waits)
    return f"waiting for: {', '.join(named)}" if named else ""


def lack_of(wait: Json) -> str:
    """Return what the API says of the worker that a step waits for."""
    prompt = wait["prompt"] if wait["kind"] == "worker" else None
    return str(prompt.get("message", "")) if isinstance(prompt, dict) else ""


def run(*words: str) -> str:
    """Write a command for a shell, whatever the words are made of."""
    return " ".join([_ME, *(shlex.quote(cut(word, _LONGEST)) for word in words)])


def _of_wait(wait: Json, seen: Seen) -> list[Need]:
    kind: str = wait["kind"]
    say = _KINDS.get(kind)
    if say is None:
        return [Need(text=f"{kind} {wait['key'] or ''}".strip() + _span(wait, seen.now))]
    return say(wait, seen)


def _person(wait: Json, seen: Seen) -> list[Need]:
    prompt = wait["prompt"] if isinstance(wait["prompt"], dict) else {}
    choices = [str(choice) for choice in prompt.get("choices") or ()]
    asked = cut(str(prompt.get("question", "")), _LONGEST)
    among = f" ({' / '.join(cut(choice, 60) for choice in choices)})" if choices else ""
    text = f"a person's answer{_span(wait, seen.now)}: {asked}{among}"
    answers = choices[:5] or ["VALUE"]
    answer = [run("jobs", "answer", seen.id, wait["key"], one) for one in answers]
    return [Need(text=text, commands=tuple(answer))]


def _event(wait: Json, seen: Seen) -> list[Need]:
    text = f"the event {wait['key']!r}{_span(wait, seen.now)}"
    return [Need(text=text, commands=(run("jobs", "send", seen.id, wait["key"], "DATA"),))]


def _child(wait: Json, seen: Seen) -> list[Need]:
    text = f"the job {wait['key']} that it started{_span(wait, seen.now)}"
    return [Need(text=text, commands=(run("jobs", "show", wait["key"]),))]


def _timer(wait: Json, seen: Seen) -> list[Need]:
    return [Need(text=f"a time{_span(wait, seen.now)}")]


def _breaker(wait: Json, seen: Seen) -> list[Need]:
    # When it is looked at should nobody wake it says nothing of the next probe: the list does.
    lasting = _span({**wait, "until": None}, seen.now)
    text = f"the circuit breaker of {wait['key']}, which is open{lasting}"
    return [Need(text=text, commands=(run("breakers", "list"),))]


def _place(wait: Json, seen: Seen) -> list[Need]:
    text = (
        f"the tool {wait['key']}, which is at its limit of concurrent calls{_span(wait, seen.now)}"
    )
    return [Need(text=text, commands=(run("jobs", "list", "--status", "running"),))]


def _session(wait: Json, seen: Seen) -> list[Need]:
    ahead = wait.get("behind") or {}
    text = f"its turn in the session {wait['key']!r}{_span(wait, seen.now)}"
    if not ahead:
        return [Need(text=text)]
    text += f"; {ahead['job_id']} is before it, and is {ahead['status']}"
    return [Need(text=text, commands=(run("jobs", "show", ahead["job_id"]),))]


def _doubt(_: Json, seen: Seen) -> list[Need]:
    if not seen.doubts:
        text = "a person's verdict on an effect that may have happened"
        return [Need(text=text, commands=(run("doubts", "list"),))]
    return [
        Need(
            text=f"a person's verdict: did {one['tool']} (step {one['position']}) happen?"
            f" {one['doubt_reason'] or ''}".rstrip(),
            commands=(run("doubts", "show", one["effect_key"]),),
        )
        for one in seen.doubts
    ]


def _quarantine(_: Json, seen: Seen) -> list[Need]:
    held = [step for step in seen.steps if step["status"] == "quarantined"]
    if not held:
        text = "an operator: one of its steps killed its worker too often"
        return [Need(text=text, commands=(run("quarantine", "list"),))]
    return [
        Need(
            text=f"an operator: step {step['position']} ({_named(step)}) killed its worker"
            f" {counted(step['deaths'], 'time')}",
            commands=(run("quarantine", "release", seen.id, str(step["position"])),),
        )
        for step in held
    ]


def _lacking(wait: Json, seen: Seen) -> list[Need]:
    """Say which worker is missing. Its times are those of the last look and of the next one."""
    text = f"a worker: {cut(lack_of(wait), _LONGEST)}"
    what, _, name = (wait["key"] or "").partition(":")
    start = run("worker", "--tools", "MODULE")
    if what == "lane":
        start = run("worker", "--lanes", name, "--pool", _POOLS.get(name, "threads"))
    return [Need(text=text, commands=(start, run("jobs", "cancel", seen.id)))]


def _pause(_: Json, seen: Seen) -> list[Need]:
    why = seen.job["status_detail"]
    text = "somebody to resume it" + (f"; it was paused: {why}" if why else "")
    if why == "budget":
        text = "money: its cost limit or its tenant's budget is used up"
    return [Need(text=text, commands=(run("jobs", "resume", seen.id),))]


def _of_steps(seen: Seen) -> Iterable[Need]:
    """Say what its steps wait for where no wait is written down: a time, or a worker."""
    ready = [step for step in seen.steps if step["status"] == "ready"]
    for step in ready:
        due = parsed(step["due_at"])
        assert due is not None  # every step has a time from which on it may be done
        if due > seen.now:
            yield _later(step, due, seen)
        elif seen.now - due > _PATIENCE:
            yield _worker(step, seen.now - due, seen)
    if not seen.steps and seen.job["status"] == "queued":
        yield Need(text="a worker")


def _later(step: Json, due: datetime, seen: Seen) -> Need:
    when = f"{clock(due)}, in {in_words(due - seen.now)}"
    if seen.job["status"] == "queued":
        return Need(text=f"its time: it may start at {when}")
    why = f"; last: {cut(step['last_error'], _LONGEST)}" if step["last_error"] else ""
    what = f"step {step['position']} ({_named(step)})"
    if step["claims"] and step.get("effect") in _LOOKED_INTO:
        # It may have taken effect, or have certainly not: the next look decides what follows.
        text = f"{what} is checked at {when}; {_LOOKED_INTO[step['effect']]}{why}"
        return Need(text=text)
    return Need(text=f"another try of {what} at {when}{why}")


def _worker(step: Json, since: timedelta, seen: Seen) -> Need:
    what = f"step {step['position']} ({_named(step)})"
    text = (
        f"a worker: none has taken {what} for {in_words(since)}; is one running that serves the "
        f"lane {step['lane']!r} and has the agent {seen.job['agent']!r}?"
    )
    return Need(text=text, commands=(run("doctor"),))


def _named(step: Json) -> str:
    return f"{step['kind']} {step['tool'] or ''}".rstrip()


def _span(wait: Json, now: datetime) -> str:
    since, until = parsed(wait.get("since")), parsed(wait.get("until"))
    text = f", for {in_words(now - since)}" if since else ""
    if until is None:
        return text
    return f"{text}, until {clock(until)} (in {in_words(until - now)})"


_KINDS: dict[str, Callable[[Json, Seen], list[Need]]] = {
    "person": _person,
    "event": _event,
    "child": _child,
    "timer": _timer,
    "breaker": _breaker,
    "place": _place,
    "session": _session,
    "in_doubt": _doubt,
    "quarantined": _quarantine,
    "paused": _pause,
    "worker": _lacking,
}
