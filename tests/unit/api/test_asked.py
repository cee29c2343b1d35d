"""How much is said of a body with very many mistakes."""

from typing import Annotated

import pytest
from pydantic import BaseModel, Field

from api.asked import JobAsked, validated
from api.problems import MOST_MISTAKES, Problem


class Numbers(BaseModel):
    numbers: list[Annotated[int, Field(gt=0)]]


def test_of_very_many_mistakes_the_first_are_told():
    with pytest.raises(Problem) as caught:
        validated(Numbers, {"numbers": [0] * 1_000})
    assert len(caught.value.mistakes) == MOST_MISTAKES


def test_a_body_of_thousands_of_members_is_one_mistake():
    with pytest.raises(Problem, match="members") as caught:
        validated(JobAsked, {str(number): 0 for number in range(9_000)})
    assert len(caught.value.mistakes) == 1
