"""The deterministic checks of a round, in order: the first that has something to say decides."""

from collections.abc import Callable

from agent_workers.domain.step import Judged
from agent_workers.execution.evaluator.checks_answer import unfit_answers
from agent_workers.execution.evaluator.checks_calls import broken_promises, calls_left, failed_calls
from agent_workers.execution.evaluator.checks_round import (
    answers_of_people,
    answers_on_failures,
    circles,
    taken_over,
)
from agent_workers.execution.evaluator.checks_work import Work

Check = Callable[[Work], Judged | None]

CHECKS: tuple[Check, ...] = (
    taken_over,
    # Before `calls_left`: a plan that turns in circles was not run, so all of its calls are left.
    circles,
    answers_on_failures,
    answers_of_people,
    # Before `calls_left`: nothing is built on a result that is not what was promised.
    failed_calls,
    broken_promises,
    calls_left,
    unfit_answers,
)


def checked(work: Work) -> Judged | None:
    """Say what follows as far as no opinion is needed for it; None: nothing speaks against it."""
    for check in CHECKS:
        judged = check(work)
        if judged is not None:
            return judged
    return None
