"""What follows a step: the union of decisions."""

from dataclasses import dataclass, field
from datetime import timedelta

from agent_workers.domain.cause import Cause
from agent_workers.domain.course import Course
from agent_workers.domain.step import Broke, NextStep, Outcome
from agent_workers.domain.trouble import Trouble
from agent_workers.domain.wait import Wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Continue:
    """Record the outcome; these steps become ready at once."""

    outcome: Outcome
    steps: tuple[NextStep, ...]
    # None: unchanged, here and below.
    course: Course | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """Record the outcome; whoever finds no open sibling readies this step."""

    outcome: Outcome
    step: NextStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """Record the outcome; the job succeeded with this output."""

    outcome: Outcome
    output: bytes
    course: Course | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """Record the outcome; the job failed, and this is why."""

    outcome: Outcome
    code: str
    message: str
    course: Course | None = None
    # A sentence for the people that the job was done for; empty: the one of its code.
    user_message: str = ""
    # The step that failed, where it was one that made the job fail.
    cause: Cause | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TryAgain:
    """Record no outcome; the same step is due again after this delay.

    `counts` is false for waits that are nobody's failure, such as a permit's quiet time.
    """

    delay: timedelta
    code: str
    message: str
    cost_micro: int = 0
    counts: bool = True
    trouble: Trouble | None = None
    # No attempt has failed: what is known of the last one that did stays known.
    waits: bool = False
    # An attempt may have taken effect: what became of it is found out before anything is repeated.
    unanswered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Park:
    """Record no outcome; the step waits, without a worker, for an answer or for its time.

    `keeps_hold`: what the step holds of the job's allowance stays held while it waits.
    """

    wait: Wait
    keeps_hold: bool = False
    cost_micro: int = 0
    # The failed attempt that it waits after, if it does.
    after: Broke | None = None


Decision = Continue | Join | Finish | Fail | TryAgain | Park
