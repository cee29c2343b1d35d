"""Trials of a tool of one's own: killed and frozen at each moment of its step, and in its lines."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from agent_workers.domain.effect import EffectClass
from agent_workers.proving.process.orders import Blow, Trip
from agent_workers.proving.trials.judge import Judged
from agent_workers.proving.trials.trials import Fault, Trial, Variant, kill, stop
from agent_workers.testing.tries import Try

# Around what a tool itself does, those that say most of it first; the engine's other moments are
# the same for every tool.
_MOMENTS = (
    "act.end write.wished tool.ran permit.committed write.commit evidence.kept act.begin"
    " tool.written evidence.begin act.disarmed tool.record write.begin tool.run"
).split()
# Frozen here it holds the result, and nobody else knows.
_HOLDING = ("act.end", "write.wished", "tool.ran")
# Where the second worker dies that finds an open permit; the others just act again.
_LATER = {EffectClass.RECONCILABLE: "lookup.seen", EffectClass.UNSAFE: "doubt.begin"}


def variant_of(tried: Try) -> Variant:
    effect = tried.tool.effect
    unsafe = effect is EffectClass.UNSAFE
    return Variant(name=tried.title, tools=(effect.value,), may_doubt=unsafe)


@dataclass(slots=True, kw_only=True)
class TryPlanning:
    """Which trials a try needs, once it has been watched undisturbed."""

    seed: int
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 (chosen at random, repeatable)

    def rehearsal(self, tried: Try) -> Trial:
        return Trial(
            number=next(self._numbers), variant=variant_of(tried), fault=Fault.NONE, watch=True
        )

    def trials(self, tried: Try, rehearsed: Judged) -> list[Trial]:
        passed = rehearsed.seen.passed
        moments = [name for name in _MOMENTS if name in passed]
        lines = sorted(place for place in passed if ":" in place)
        holding = [name for name in _HOLDING if name in passed]
        reach = tried.reach
        return [
            *(self._struck(tried, Fault.KILL, kill(name)) for name in moments[: reach.moments]),
            *(
                self._struck(tried, Fault.KILL, _at(Blow.KILL, line))
                for line in self._sample(lines, reach.lines)
            ),
            *(self._struck(tried, Fault.FREEZE, stop(name)) for name in holding[: reach.freezes]),
            *(
                self._struck(tried, Fault.FREEZE, _at(Blow.STOP, line))
                for line in self._sample(lines, reach.freezes - 1)
            ),
            *(self._pair(tried, line) for line in self._sample(lines, reach.pairs)),
        ]

    def _struck(self, tried: Try, fault: Fault, trip: Trip) -> Trial:
        return Trial(
            number=next(self._numbers),
            variant=variant_of(tried),
            fault=fault,
            place=trip.point or trip.place,
            trips=(trip,),
        )

    def _pair(self, tried: Try, line: str) -> Trial:
        later = _LATER.get(tried.tool.effect)
        then = kill(later) if later else _at(Blow.KILL, line)
        return Trial(
            number=next(self._numbers),
            variant=variant_of(tried),
            fault=Fault.PAIR,
            place=f"{line}+{then.point or then.place}",
            trips=(_at(Blow.KILL, line),),
            then=(then,),
        )

    def _sample(self, among: Sequence[str], most: int) -> list[str]:
        few = max(0, min(most, len(among)))
        return self._random.sample(list(among), few)


def _at(blow: Blow, place: str) -> Trip:
    return Trip(blow=blow, place=place)
