"""The events of a job's journal in plain words, a line for each."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from agent_workers.client.stream import Event
from agent_workers.domain.text.printable import printable_line
from agent_workers.terminal.printing import cut
from agent_workers.terminal.times import in_words, parsed

# Any: what the journal holds of an event.
Json = dict[str, Any]
# A message of an error is read to its end, over as many lines of the terminal as it takes.
_MOST_TEXT = 500
_TOLD = ("code", "message")
# Their messages say what was raised, beginning with its type.
_RAISED = frozenset({"exception", "broken"})
# What stands in every event, or is told by its words already.
_HEAD = frozenset({"sequence_number", "job_id", "type", "at", "stage", "component"})


def line_of(event: Event, *, submitted: datetime) -> str:
    """Write when it happened, how long after the job was submitted, and what it was."""
    at = parsed(event.data["at"])
    assert at is not None  # every entry of a journal has a time
    head = f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}Z  {_since(at, submitted)}  "
    return head + cut(words_of(event), _MOST_TEXT)


def words_of(event: Event) -> str:
    name, data = event.type.removeprefix("job."), event.data
    say = _WORDS.get(name)
    if say is not None:
        return say(data)
    rest = {one: value for one, value in data.items() if one not in _HEAD and value is not None}
    told = ", ".join(f"{one} {_value(value)}" for one, value in rest.items())
    return f"{name.replace('_', ' ')}{f': {told}' if told else ''}"


def _since(at: datetime, submitted: datetime) -> str:
    passed = max(0.0, (at - submitted).total_seconds())
    return f"+{passed:.3f} s".rjust(11)


def _queued(_: Json) -> str:
    return "submitted"


def _started(data: Json) -> str:
    return f"started by {_part(data)}"


def _completed(data: Json) -> str:
    step = _step(data)
    match data.get("outcome"):
        case "planned":
            tools = ", ".join(map(str, data.get("tools") or ()))
            text = f"{step} calls {tools}" if tools else f"{step} answers"
        case "judged":
            reason = f": {data['reason']}" if data.get("reason") else ""
            text = f"{step} says {data.get('verdict')}{reason}"
        case "tool_ran":
            text = f"{step} returned a result" + (" from the cache" if "cached_at" in data else "")
        case "tool_failed" | "gave_up":
            text = f"{step} failed"
        case "summarised":
            text = f"{step} summed up what was said before"
        case other:
            text = f"{step} ended: {other}"
    return text + (f" (model {data['model']})" if data.get("model") else "")


def _retrying(data: Json) -> str:
    then = _UNANSWERED.get(data.get("unanswered", ""), "it is tried again in {delay}")
    again = then.format(delay=_delay(data.get("delay_ms")))
    return f"{_step(data)} failed ({_why(data)}); {again}"


def _waiting(data: Json) -> str:
    if "for" not in data:
        again = _delay(data.get("delay_ms"))
        return f"{_step(data)} waits {again} ({_why(data)})"
    # A breaker and a worker wake what waits for them: only then a step is looked at again.
    until = None if data["for"] in {"breaker", "worker"} else parsed(data.get("until"))
    end = f", until {until:%Y-%m-%d %H:%M:%S}Z at the latest" if until else ""
    what = _WAITS.get(data["for"], "{kind} {key}")
    named = what.format(kind=data["for"], key=data.get("key"))
    return f"step {data['position']} waits for {named}{end}"


def _answered(data: Json) -> str:
    return f"the question {data.get('key')!r} was answered by {data.get('by')}"


def _recovered(data: Json) -> str:
    return f"step {data.get('position')} lost its worker and runs again ({data.get('reason')})"


def _quarantined(data: Json) -> str:
    return f"step {data.get('position')} is in quarantine: {data.get('reason')}"


def _in_doubt(data: Json) -> str:
    return f"step {data.get('position')} is in doubt: {data.get('reason')}"


def _doubt_ended(data: Json) -> str:
    by = _FROM.get(data.get("source", ""), f"{data.get('source')} says")
    what = _SAYS.get(data.get("says", ""), str(data.get("says")))
    return f"the doubt about step {data.get('position')} ended: {by} {what}"


def _control(word: str) -> Callable[[Json], str]:
    def say(data: Json) -> str:
        return word + (f": {data['reason']}" if data.get("reason") else "")

    return say


def _failed(data: Json) -> str:
    code, message = data.get("code"), data.get("message")
    return "failed" + (f": {code}" if code else "") + (f": {message}" if message else "")


def _step(data: Json) -> str:
    named = f"{data.get('kind', '')} {data.get('tool') or ''}".strip()
    return f"step {data.get('position')}{f' ({named})' if named else ''}"


def _why(data: Json) -> str:
    told = ("message",) if data.get("code") in _RAISED and data.get("message") else _TOLD
    return ": ".join(str(data[name]) for name in told if data.get(name))


def _part(data: Json) -> str:
    return f"the {str(data.get('component', 'worker')).replace('_', ' ')}"


def _delay(delay_ms: object) -> str:
    return in_words(timedelta(milliseconds=delay_ms)) if isinstance(delay_ms, int) else "a while"


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return printable_line(text[:_MOST_TEXT])


_UNKNOWN = "nobody knows yet whether it took effect: "
# What follows an attempt that may have taken effect, by the class of the effect.
_UNANSWERED = {
    "keyed": _UNKNOWN + "it is called again in {delay}, with the same key",
    "reconcilable": _UNKNOWN + "it is looked up in {delay}, before the tool is called again",
    "unsafe": _UNKNOWN
    + "this is checked in {delay}; the tool is called again only if it declares on_doubt=REPEAT",
}
_FROM = {
    "reply": "a late answer of the tool says",
    "lookup": "a look-up says",
    "verdict": "a person says",
    "assumed": "it is assumed",
}
_SAYS = {
    "happened": "that it happened",
    "not_executed": "that it did not happen",
    "absent": "that it did not happen",
    "abandoned": "that it is given up",
}
_WAITS = {
    "person": "a person's answer to {key!r}",
    "event": "the event {key!r}",
    "child": "the job {key}",
    "timer": "a timer",
    "breaker": "the circuit breaker of {key}",
    "place": "the tool {key}, which has as many calls as it may have at once",
}
_WORDS: dict[str, Callable[[Json], str]] = {
    "queued": _queued,
    "started": _started,
    "step.completed": _completed,
    "step.recovered": _recovered,
    "retrying": _retrying,
    "waiting": _waiting,
    "answered": _answered,
    "quarantined": _quarantined,
    "in_doubt": _in_doubt,
    "doubt_ended": _doubt_ended,
    "paused": _control("paused"),
    "resumed": _control("resumed"),
    "released": _control("released from quarantine"),
    "canceling": _control("is being canceled"),
    "canceled": _control("canceled"),
    "succeeded": _control("succeeded"),
    "failed": _failed,
}
