"""A trace is cut between rounds, and within one only where that is larger than a page."""

from dataclasses import dataclass
from typing import cast

import pytest

from agent_workers.state.database.pages import Page
from agent_workers.state.jobs.steps import StepSeen
from api.jobs.trace import whole_rounds


@dataclass(frozen=True, slots=True)
class Step:
    """A step, as far as its round goes."""

    round: int


@pytest.mark.parametrize(
    ("rounds", "more", "told"),
    [
        ([0, 0, 1, 1], False, [0, 0, 1, 1]),
        ([0, 0, 1, 1], True, [0, 0]),
        ([1, 1, 1], True, [1, 1, 1]),
        ([], False, []),
    ],
)
def test_a_round_that_the_page_cuts_is_told_by_the_next_one_unless_it_is_alone(
    rounds: list[int], *, more: bool, told: list[int]
) -> None:
    # cast: `whole_rounds` looks at nothing else of a step.
    page = cast(Page[StepSeen], Page(rows=[Step(number) for number in rounds], more=more))
    assert [step.round for step in whole_rounds(page)] == told
