"""Which trials to run: every named point that a class comes by, with every fault, and samples."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from itertools import count
from typing import TypeVar

from agent_workers.proving.process.orders import Blow, Trip
from agent_workers.proving.trials.behaviours import undisturbed, with_a_death
from agent_workers.proving.trials.judge import Judged
from agent_workers.proving.trials.trials import (
    SERVER_FAULTS,
    VARIANTS,
    Fault,
    Trial,
    Variant,
    kill,
    stop,
)
from agent_workers.proving.trials.wire import Cut

# What a keeper finds once a worker has died, or has frozen, in the middle of a tool.
_AFTER_DEATH = ("keeper.lost", "keeper.lost.freed", "keeper.ring")
_AFTER_FREEZE = ("keeper.expired", "keeper.expired.freed")
# What it finds when nobody rang.
_UNRUNG = ("keeper.hold", "keeper.overdue")
_IN_A_TOOL = {"pure": "tool.run", "keyed": "act.sent"}


def clearing_up(variants: Sequence[Variant], numbers: Iterator[int]) -> Iterator[Trial]:
    """Strike where it does not depend on luck who comes by."""
    for variant in variants:
        where = _IN_A_TOOL.get(variant.name)
        if where is None:
            continue
        for blow, points in ((kill, _AFTER_DEATH), (stop, _AFTER_FREEZE)):
            for point in points:
                yield Trial(
                    number=next(numbers),
                    variant=variant,
                    fault=Fault.SWEEP,
                    place=f"{where}+{point}",
                    trips=(blow(where),),
                    then=(kill(point),),
                )
        for point in _UNRUNG:
            yield Trial(
                number=next(numbers),
                variant=variant,
                fault=Fault.KILL,
                place=point,
                trips=(kill(point),),
                unrung=True,
            )
    yield from _late(variants, numbers)
    yield from _refused(variants, numbers)


def _late(variants: Sequence[Variant], numbers: Iterator[int]) -> Iterator[Trial]:
    """It wakes, is fenced, and dies as it takes what another one left."""
    for variant in (one for one in variants if one.name == "reconcilable"):
        for point in ("claim.next", "claim.next.held"):
            yield Trial(
                number=next(numbers),
                variant=variant,
                fault=Fault.LATE,
                place=f"claim.held+{point}",
                trips=(stop("claim.held"), kill(point)),
                then=(kill("finish.record"),),
            )


def _refused(variants: Sequence[Variant], numbers: Iterator[int]) -> Iterator[Trial]:
    for variant in (one for one in variants if one.name == "keyed"):
        yield Trial(
            number=next(numbers),
            variant=variant,
            fault=Fault.KILL,
            place="retry.committed",
            trips=(kill("retry.committed"),),
            script=("deny",),
        )


Item = TypeVar("Item")
# Where the first of two workers dies, so that the second has most to find out.
_FIRST_DEATHS = {
    "pure": ("tool.ran",),
    "transactional": ("write.commit",),
    "keyed": ("act.sent",),
    "side_by_side": ("act.sent",),
}
_OTHERWISE = ("act.sent", "act.before_send")
# Frozen inside a transaction it costs five seconds until Postgres lets go: a sample will do.
_IN_TRANSACTION = frozenset({"permit.ask", "permit.asked", "permit.grant", "permit.granted"})
_CANCEL_AT = ("plan.begin", "permit.begin", "permit.committed", "act.sent", "evidence.begin")
_DUEL_AT = ("tool.run", "write.wished", "permit.begin", "act.before_send", "evidence.begin")
_LONG_S = 60.0
_CANCEL_LATER_AT = ("permit.begin", "retry.record", "lookup.begin", "lookup.seen", "doubt.begin")
_LEAVING = ("stand_down.begin", "stand_down.done")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much to try: `make test` takes samples where `--full` takes everything."""

    # Of each class; named points are never left out where the process is killed.
    freezes: int = 8
    dozes: int = 8
    pairs: int = 8
    lines: int = 6
    postgres: int = 6
    redis: int = 2
    server: int = 4
    behaviours: int = 4
    stops: int = 5


_ALL = 1_000_000
FULL = Extent(**{one.name: _ALL for one in fields(Extent)})


@dataclass(slots=True, kw_only=True)
class Planning:
    seed: int
    extent: Extent
    variants: Sequence[Variant] = VARIANTS
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 (chosen at random, repeatable)

    def rehearsals(self) -> list[Trial]:
        """Undisturbed runs that show what each class comes by: first, and after a death."""
        trials = []
        for variant in self.variants:
            trials.append(self._trial(variant, Fault.NONE, watch=True))
            for place in _FIRST_DEATHS.get(variant.name, _OTHERWISE):
                more = {"place": place, "trips": (kill(place),), "watch": True}
                trials.append(self._trial(variant, Fault.KILL, **more))
            for measures in (Fault.POSTGRES, Fault.REDIS):
                trials += [self._trial(variant, Fault.NONE, measures=measures)]
        return trials

    def trials(self, rehearsed: Sequence[Judged]) -> list[Trial]:
        trials: list[Trial] = []
        for variant in self.variants:
            mine = [one for one in rehearsed if one.trial.variant is variant]
            first = next(one for one in mine if one.trial.fault is Fault.NONE and one.trial.watch)
            trials += self._points(variant, sorted(first.seen.passed))
            later = [one for one in mine if one.trial.fault is Fault.KILL]
            trials += self._pairs(variant, first.seen.passed, later)
            trials += self._duels(variant, first.seen.passed)
            trials += self._lines(variant, first.seen.lines)
            for one in mine:
                if one.trial.measures is not None:
                    trials += self._cuts(variant, one.trial.measures, one.seen.chunks)
            trials += self._of_server(variant) + self._behaving(variant)
            trials += self._stopped(variant, first.seen.passed)
            trials += self._stopped_later(variant, later)
        trials += clearing_up(self.variants, self._numbers)
        self._random.shuffle(trials)
        return trials

    def _points(self, variant: Variant, places: Sequence[str]) -> list[Trial]:
        # A key that dies soon makes no difference to most points that `keyed` comes by.
        most = self.extent.freezes if variant.key_ttl_s < _LONG_S else len(places)
        kills = [self._at(variant, Fault.KILL, place) for place in self._sample(places, most)]
        steps = [place for place in places if not place.startswith("keeper.")]
        dozing = self._sample(
            [place for place in steps if place not in _IN_TRANSACTION], self.extent.dozes
        )
        freezing = self._sample(steps, self.extent.freezes)
        return [
            *kills,
            *(self._at(variant, Fault.FREEZE, place) for place in freezing),
            *(self._at(variant, Fault.DOZE, place) for place in dozing),
        ]

    def _pairs(
        self, variant: Variant, before: frozenset[str], later: Sequence[Judged]
    ) -> list[Trial]:
        """The second worker dies too: wherever only it comes by, and at a sample of the rest."""
        found = [(one.trial.place, place) for one in later for place in sorted(one.seen.passed)]
        only = [(first, place) for first, place in found if place not in before]
        rest = [pair for pair in found if pair not in only]
        return [
            self._trial(
                variant,
                Fault.PAIR,
                place=f"{first}+{place}",
                trips=(kill(first),),
                then=(kill(place),),
            )
            for first, place in only + self._sample(rest, self.extent.pairs)
        ]

    def _duels(self, variant: Variant, places: frozenset[str]) -> list[Trial]:
        """Two in one step: the older gets as far as the next step, then the younger goes on."""
        return [
            self._trial(
                variant,
                Fault.DUEL,
                place=place,
                trips=(stop(place), stop("evaluate.begin")),
                then=(stop(place),),
            )
            for place in _DUEL_AT
            if place in places
        ]

    def _lines(self, variant: Variant, most: int) -> list[Trial]:
        lines = self._sample(range(1, most + 1), self.extent.lines)
        blows = [self._random.choice((Blow.KILL, Blow.STOP)) for _ in lines]
        return [
            self._trial(
                variant,
                Fault.KILL
                if blow is Blow.KILL
                else self._random.choice((Fault.DOZE, Fault.FREEZE)),
                place=f"line {line}",
                trips=(Trip(blow=blow, line=line),),
            )
            for line, blow in zip(lines, blows, strict=True)
        ]

    def _cuts(self, variant: Variant, fault: Fault, most: int) -> list[Trial]:
        cuts = [(chunk, how) for chunk in range(1, most + 1) for how in Cut]
        extent = self.extent.postgres if fault is Fault.POSTGRES else self.extent.redis
        return [
            self._trial(variant, fault, place=f"{how} {chunk}", chunk=chunk, how=how)
            for chunk, how in self._sample(cuts, extent)
        ]

    def _of_server(self, variant: Variant) -> list[Trial]:
        if not set(variant.tools) - {"pure", "transactional"}:
            return []
        # Whether a second worker comes too soon, and tries again, depends on how fast it starts.
        denied = {"trips": (kill("retry.record"),), "script": ("deny",)}
        return [self._trial(variant, Fault.KILL, place="retry.record", **denied)] + [
            self._trial(variant, Fault.SERVER, place=script, script=tuple(script.split()))
            for script in self._sample(SERVER_FAULTS, self.extent.server)
        ]

    def _behaving(self, variant: Variant) -> list[Trial]:
        killed = self._sample(list(with_a_death(variant)), self.extent.behaviours)
        behaviours = [*undisturbed(variant), *killed]
        return [self._trial(variant, Fault.BEHAVES, **one.fields) for one in behaviours]

    def _stopped(self, variant: Variant, places: frozenset[str]) -> list[Trial]:
        """Canceled or paused while a worker is frozen; it dies as it gives its step back."""
        trials = []
        for place in (place for place in _CANCEL_AT if place in places):
            for fault in (Fault.CANCEL, Fault.PAUSE):
                trials += [self._trial(variant, fault, place=place, trips=(stop(place),))]
        trials = self._sample(trials, self.extent.stops)
        if "permit.begin" in places:
            for leaving in _LEAVING:
                fault = self._random.choice((Fault.CANCEL, Fault.PAUSE))
                more = {"place": leaving, "trips": (stop("permit.begin"), kill(leaving))}
                trials += [self._trial(variant, fault, **more)]
        if variant.key_ttl_s < _LONG_S:
            # Nobody comes until the key is dead: then it has to be looked up.
            for place in ("act.before_send", "act.sent"):
                alone = self._trial(
                    variant,
                    Fault.KILL,
                    place=f"{place} for long",
                    trips=(kill(place),),
                    alone_s=variant.key_ttl_s,
                )
                trials.append(alone)
        return trials

    def _stopped_later(self, variant: Variant, later: Sequence[Judged]) -> list[Trial]:
        """Canceled while a second worker finds out what became of the first one's permit."""
        found = [
            (one.trial.place, place)
            for one in later
            for place in _CANCEL_LATER_AT
            if place in one.seen.passed
        ]
        return [
            self._trial(
                variant,
                Fault.CANCEL,
                place=f"{first}+{place}",
                trips=(kill(first),),
                then=(stop(place),),
            )
            for first, place in self._sample(found, self.extent.stops)
        ]

    def _at(self, variant: Variant, fault: Fault, place: str) -> Trial:
        trip = kill(place) if fault is Fault.KILL else stop(place)
        return self._trial(variant, fault, place=place, trips=(trip,))

    def _trial(self, variant: Variant, fault: Fault, **more: object) -> Trial:
        number = next(self._numbers)
        fields = {"split": number % 3 == 0, **more}
        # The fields are those of Trial; each caller above names them.
        return Trial(number=number, variant=variant, fault=fault, **fields)  # type: ignore[arg-type]

    def _sample(self, among: Sequence[Item], most: int) -> list[Item]:
        return list(among) if len(among) <= most else self._random.sample(list(among), most)
