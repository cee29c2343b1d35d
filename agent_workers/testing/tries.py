"""What a tool's author says to have it tried at every crash point, and what comes of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.tools.tool import Tool
from agent_workers.testing.trying import Tried

# The same in each trial, or made from the trial's own mark.
Arguments = Mapping[str, object] | Callable[[str], Mapping[str, object]]
# Asks the world outside how often the effect of one trial happened.
Happened = Callable[[Tried], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How many trials of each sort: killed at moments of its step, killed in its lines, and so on."""

    moments: int = 20
    lines: int = 10
    freezes: int = 2
    pairs: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One tool under trial: what it is called with, and who counts how often that happened."""

    tool: Tool
    arguments: Arguments = field(default_factory=dict)
    # May be left out for a pure tool only.
    happened: Happened | None = None
    # Tells two tries of one tool apart; empty: the tool's own name.
    name: str = ""
    # AGENT_* settings of the workers, in lower case and without the prefix.
    settings: Mapping[str, str] = field(default_factory=dict)
    # Modules whose lines are crash points, beside the tool's own.
    through: Sequence[str] = ()
    # Instead of the tool's own, because recovery waits for them.
    timeout: timedelta = timedelta(seconds=1)
    settle: timedelta = timedelta(milliseconds=50)
    reach: Reach = field(default_factory=Reach)

    def __post_init__(self) -> None:
        name, effect = self.tool.name, self.tool.effect
        if self.happened is None and effect is not EffectClass.PURE:
            raise Misdeclared(
                f"tool {name!r} is {effect.value}: pass happened=, which counts its effects"
            )

    @property
    def title(self) -> str:
        return self.name or self.tool.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What came of all trials of some tools; `wrongs` is empty when nothing was violated."""

    wrongs: tuple[str, ...]
    # How many there were of each try, and how many of them ended in doubt.
    trials: Mapping[str, int]
    doubts: Mapping[str, int]
    # Where they were struck: named moments, and `file:line`.
    places: Mapping[str, frozenset[str]]


class CrashPoints(Protocol):
    """The fixture `crash_points`."""

    def __call__(
        self,
        *tries: Try,
        environment: Mapping[str, str] | None = None,
        statements: Sequence[str] = (),
    ) -> Proof:
        """Try these tools together.

        `environment`: variables of the workers; `statements`: SQL that makes the tables of tools
        which write into our own database.
        """
        ...
