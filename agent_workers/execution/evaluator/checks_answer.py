"""Checks of answers: they have the shape that was promised, and cite only what tools returned."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from agent_workers.domain.step import Judged, Verdict
from agent_workers.domain.text.encoding import MOST_BYTES, bounded, cut_from
from agent_workers.execution.evaluator.checks_work import ANSWER, Work, unfit
from agent_workers.execution.values.answer_schema import as_promised, misfits

# What stands in code is no citation, and neither is the text of a Markdown link.
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_BRACKETS = re.compile(r"\[([^\[\]\n]{1,200})\](?![(\[:])")
# Nothing here can be matched in two ways: a model's text must not keep a processor busy.
_SOURCES = re.compile(r"\(sources?:([^()\n]{1,400})\)", re.IGNORECASE)
_ID = re.compile(r"[^\W_][\w.:/#@-]*")
_NO_IDS: Final = frozenset({"x", "X", "sic"})
_KEYS: Final = ("id", "key", "source", "url", "doc", "document", "ref")
_MOST_TOLD: Final = 5


def unfit_answers(work: Work) -> Judged | None:
    """Hold the plan's answer against what the agent promised of its answers."""
    if work.answer is None:
        return None
    problem = problem_with(work, work.answer.value[ANSWER])
    return unfit(work, problem) if problem else None


# Any: JSON of whatever shape a model or a function answered.
def problem_with(work: Work, answer: Any) -> str:  # noqa: ANN401 (see above)
    """Say what is wrong with an answer, or nothing."""
    declared = work.agent.declared
    if declared.output is not None:
        wrong = misfits(declared.output, as_promised(declared.output, answer))
        if wrong:
            return f"the answer does not fit the `output` of the agent: {'; '.join(wrong)}"
    if declared.cites:
        unknown = sorted(cited(answer) - set(_returned(work)))
        if unknown and not _is_cut(work):
            return f"the answer cites what no tool returned: {', '.join(unknown[:_MOST_TOLD])}"
    return ""


def accepted(work: Work, answer: Any, reason: str = "") -> Judged:  # noqa: ANN401 (as above)
    """Accept an answer, read as its schema wants it."""
    declared = work.agent.declared
    output = answer if declared.output is None else as_promised(declared.output, answer)
    written = bounded(output)
    less = []
    if declared.cites and _is_cut(work):
        less.append("citations of older steps were not checked")
    if size := cut_from(written):
        less.append(
            f"the answer had {size:,} bytes; of more than {MOST_BYTES:,} only the start is kept"
        )
    return Judged(verdict=Verdict.ACCEPT, output=written, reason=reason, degraded="; ".join(less))


def cited(answer: object) -> set[str]:
    """Find the ids that an answer cites: `[doc_7]`, `[1, 2]`, `(source: doc_7)`."""
    return {id_ for text in _texts(answer) for id_ in _cited_in(text)}


def _cited_in(text: str) -> Iterator[str]:
    plain = _CODE.sub(" ", text)
    for inside in (*_BRACKETS.findall(plain), *_SOURCES.findall(plain)):
        parts = [part.strip() for part in re.split(r"[,;]", inside)]
        # Words in brackets are words; a list of ids holds nothing else.
        if all(_ID.fullmatch(part) for part in parts):
            yield from (part for part in parts if part not in _NO_IDS)


def _returned(work: Work) -> Iterator[str]:
    """Every id by which an answer may name what a tool of this job returned."""
    for past in work.situation.history:
        if past.type == "tool_ran":
            yield str(past.position)
            yield f"call_{past.position}"
            if past.call_id:
                yield past.call_id
            yield from _ids_in(past.value)


def _ids_in(value: object) -> Iterator[str]:
    left: list[object] = [value]
    while left:
        one = left.pop()
        if isinstance(one, list):
            left += one
        elif isinstance(one, dict):
            left += one.values()
            yield from _ids_of(one.items())


def _ids_of(members: Iterable[tuple[str, object]]) -> Iterator[str]:
    for key, value in members:
        if key.lower() in _KEYS or key.endswith(("_id", "Id")):
            values = value if isinstance(value, list) else [value]
            yield from (str(one) for one in values if isinstance(one, str | int))


def _is_cut(work: Work) -> bool:
    """Say whether the job is longer than what evaluators see of it: older ids are not known here."""
    history = work.situation.history
    return bool(history) and history[0].position > 0


def _texts(answer: object) -> Iterator[str]:
    left = [answer]
    while left:
        one = left.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, list):
            left += one
        elif isinstance(one, dict):
            left += one.values()
