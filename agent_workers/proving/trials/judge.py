"""The verdict on one trial: what the job says of itself against what the world outside counted."""

from dataclasses import dataclass, field

from agent_workers.domain.ids import JobId
from agent_workers.proving.trials.trials import Due, Fault, Trial
from agent_workers.testing.counting import Count

# Frozen here it holds the reply: when it wakes, that is evidence, and ends any doubt.
_REPLIED = {"act.replied", "act.end", "act.disarmed", "evidence.begin"}
_TWICE = 2
_ACTING = {"keyed", "keyed_short", "reconcilable", "unsafe"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How a trial ended."""

    # The job's last status; empty when it was never at rest.
    status: str
    # By subject: what the counter saw, and what stands in our own database.
    counts: tuple[Count, ...]
    written: tuple[int, ...]
    # Why it failed, in its own words.
    error: str = ""
    doubted: bool = False
    struck: bool = True
    # It was frozen, and went on to the end of what it was doing.
    woke: bool = False
    job_id: JobId | None = None
    chunks: int = 0
    # What it came by before any doubt was ended: named points, and lines.
    passed: frozenset[str] = frozenset()
    lines: int = 0
    # False: the tools are a user's own, and somebody else counts.
    counted: bool = True
    canceled_before_permit: bool = False
    # As many workers died under one step as it takes: no other quarantine is fine.
    quarantine_is_due: bool = False
    # Something befell the job that may leave an unsafe effect without an answer.
    doubt_is_due: bool = True
    # What the rows of a canceled job say of its effects, by subject.
    left_behind: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    trial: Trial
    seen: Seen
    seconds: float = 0.0
    wrongs: tuple[str, ...] = field(default_factory=tuple)
    # Where the blows fell.
    places: tuple[str, ...] = ()


def wrongs_of(trial: Trial, seen: Seen) -> tuple[str, ...]:
    """Say everything that is not as it must be."""
    if not seen.counted:
        return tuple(_of_job(trial, seen))
    return (*_of_job(trial, seen), *_of_effects(trial, seen))


def _of_job(trial: Trial, seen: Seen) -> list[str]:
    wrongs = []
    fine = {"succeeded"} | (set() if seen.counted else {"in_doubt"})
    if seen.quarantine_is_due:
        fine |= {"quarantined"}
    if trial.fault is Fault.CANCEL:
        fine |= {"canceled"}
    if seen.status not in fine:
        wrongs.append(f"unfinished: {seen.status or 'gone'} {seen.error}".strip())
    may_doubt = trial.variant.may_doubt or trial.fault is Fault.CANCEL or trial.due is Due.DOUBT
    if seen.counted and seen.doubted and not may_doubt:
        wrongs.append("needless doubt")
    if seen.struck and trial.due is Due.DOUBT and not seen.doubted:
        wrongs.append("no doubt: nobody can know whether it happened, and nobody was asked")
    if seen.counted and seen.doubted and not seen.doubt_is_due:
        wrongs.append("needless doubt: no fault hit the job")
    if seen.doubted and seen.woke and trial.place in _REPLIED:
        wrongs.append(
            "evidence was lost: the worker woke up with the reply, and the doubt remained"
        )
    return wrongs


def _of_effects(trial: Trial, seen: Seen) -> list[str]:
    wrongs = []
    times = zip(trial.variant.tools, seen.counts, seen.written, strict=True)
    for tool, count, written in times:
        applied = max(written, count.applied)
        if tool != "pure" and applied > 1 and trial.due is not Due.DUPLICATE:
            wrongs.append(f"duplicate: {tool} happened {applied} times")
        if seen.struck and trial.due is Due.DUPLICATE and applied != _TWICE:
            wrongs.append(
                f"{tool} happened {applied} times; with a broken assumption it must be {_TWICE}"
            )
        if count.key_conflicts:
            wrongs.append(f"{tool} sent one key with different bytes")
        if seen.status == "succeeded" and tool in _ACTING | {"transactional"} and applied == 0:
            wrongs.append(f"lost: {tool} never happened, and the job says it did")
        if seen.status == "succeeded" and tool == "pure" and count.reads == 0:
            wrongs.append("lost: nothing was read")
        if seen.canceled_before_permit and applied:
            wrongs.append(f"{tool} happened although the job had been canceled before its permit")
    return wrongs + _after_cancel(trial, seen)


def _after_cancel(trial: Trial, seen: Seen) -> list[str]:
    """What can be found out is found out after a cancel as well, and told as it is."""
    wrongs = []
    for tool, count, state in zip(trial.variant.tools, seen.counts, seen.left_behind, strict=False):
        if state == "in_doubt" and tool != "unsafe":
            wrongs.append(f"needless doubt: {tool} of a canceled job, which can be looked up")
        if state == "done" and count.applied == 0:
            wrongs.append(f"lost: {tool} of a canceled job never happened, and its rows say it did")
        if state in {"", "intended"} and count.applied > 0:
            wrongs.append(f"untold: {tool} of a canceled job happened, and its rows say it did not")
    return wrongs
