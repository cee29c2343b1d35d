"""When a model judges the rounds of an agent, and what follows where it could not."""

from dataclasses import dataclass
from enum import StrEnum


class IfUnjudged(StrEnum):
    """What follows a risky effect that the judge was to look at, and could not."""

    ACCEPT = "accept"
    ASK = "ask"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """When a model looks at a round, once the deterministic checks have passed."""

    final: bool = False  # at every answer
    risky: bool = False  # after every effect that is not pure
    sample: float = 0.0  # at this share of all other rounds, chosen by the job's id and the round
    if_unjudged: IfUnjudged = IfUnjudged.ASK

    @property
    def is_asked_for(self) -> bool:
        return self.final or self.risky or self.sample > 0
