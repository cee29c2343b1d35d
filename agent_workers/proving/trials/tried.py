"""Proves tools of one's own: what stands behind the fixture `crash_points`."""

import importlib
import os
import random
import secrets
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.tools.tool import Tool
from agent_workers.proving.grounds import Grounds, Servers
from agent_workers.proving.process.orders import Blow, Trip
from agent_workers.proving.trials.crew import Crew, plain_environment
from agent_workers.proving.trials.judge import Judged
from agent_workers.proving.trials.outside import ByAuthor
from agent_workers.proving.trials.stage import Job
from agent_workers.proving.trials.together import Proving, proving_on
from agent_workers.proving.trials.trials import Fault, Trial, Variant, kill, stop
from agent_workers.testing.tries import Proof, Try
from agent_workers.testing.trying import Trying

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


# Making their databases takes longer than more of them would save.
_AT_ONCE = 8
_CALM_S = 60.0
_REHEARSALS = 3


@dataclass(slots=True, kw_only=True)
class ToolProofs:
    """Tries tools on servers that are there already."""

    servers: Servers
    folder: Path
    seed: int = 0
    at_once: int = _AT_ONCE

    def __call__(
        self,
        *tries: Try,
        environment: Mapping[str, str] | None = None,
        statements: Sequence[str] = (),
    ) -> Proof:
        """Watch each tool once undisturbed, plan what to strike, and strike it."""
        _refuse_doubles(tries)
        tryings = [_trying(tried, number) for number, tried in enumerate(tries)]
        proof = secrets.token_hex(4)
        jobs = {
            tried.title: _job(tried, trying, proof)
            for tried, trying in zip(tries, tryings, strict=True)
        }
        first = next(iter(jobs.values()))
        log = self.folder / "workers.log"
        crew = Crew(tools="", environment=_environment(environment), log=log, tryings=tryings)
        grounds = Grounds(self.servers, prefix=f"tried_{proof}", statements=statements)
        with proving_on(grounds, crew, job=first, jobs=jobs, at_once=self.at_once) as proving:
            crew.wait_ready(log)
            judged = _prove(proving, tries, TryPlanning(seed=self.seed))
            return _proof_of(judged, proving.broken())


def _prove(proving: Proving, tries: Sequence[Try], planning: TryPlanning) -> list[Judged]:
    """One that does not work undisturbed is not disturbed."""
    rehearsed = _rehearsed(proving, tries, planning)
    trials = [
        trial
        for tried, judged in zip(tries, rehearsed, strict=True)
        if not judged.wrongs
        for trial in planning.trials(tried, judged)
    ]
    return [*rehearsed, *proving.run(trials, _in_silence)]


def _rehearsed(proving: Proving, tries: Sequence[Try], planning: TryPlanning) -> list[Judged]:
    """On a busy machine a tool may meet its own time-out; another rehearsal shows more of it."""
    seen: dict[str, Judged] = {}
    for _ in range(_REHEARSALS):
        again = [one for one in tries if _was_cut_short(seen.get(one.title))]
        for judged in proving.run([planning.rehearsal(one) for one in again], _in_silence):
            seen[judged.trial.variant.name] = judged
    return [seen[one.title] for one in tries]


def _was_cut_short(judged: Judged | None) -> bool:
    return judged is None or (judged.seen.doubted and not judged.wrongs)


def _trying(tried: Try, number: int) -> Trying:
    return Trying(
        place=place_of(tried.tool),
        agent=f"tried-{number}",
        timeout_s=tried.timeout.total_seconds(),
        settle_s=tried.settle.total_seconds(),
    )


def _job(tried: Try, trying: Trying, proof: str) -> Job:
    modules = dict.fromkeys((tried.tool.function.__module__, *tried.through))
    return Job(
        outside=ByAuthor(
            tool=tried.tool.name,
            arguments=tried.arguments,
            happened=tried.happened,
            proof=proof,
        ),
        agent=trying.agent,
        calm_s=_CALM_S + 6 * trying.timeout_s,
        settings=tried.settings,
        files=tuple(_files(modules)),
    )


def place_of(tool: Tool) -> str:
    """Find where a worker process can import a tool."""
    for module in list(sys.modules.values()):
        for name, value in list(vars(module).items()) if hasattr(module, "__dict__") else ():
            if value is tool and _imports(module.__name__):
                return f"{module.__name__}:{name}"
    raise Misdeclared(
        f"tool {tool.name!r} is not at the top level of a module that a worker can import: put it"
        " into a module of its own, next to the test"
    )


def _imports(name: str) -> bool:
    return name != "__main__" and sys.modules[name].__spec__ is not None


def _files(modules: Iterable[str]) -> Iterator[str]:
    for name in modules:
        file = importlib.import_module(name).__file__
        if file is not None:
            yield file


def _environment(given: Mapping[str, str] | None) -> dict[str, str]:
    """What is found here must be found by the workers, whatever put it onto the path."""
    path = os.pathsep.join(place for place in sys.path if place)
    return plain_environment() | {"PYTHONPATH": path} | dict(given or {})


def _refuse_doubles(tries: Sequence[Try]) -> None:
    twice = [name for name, number in Counter(one.title for one in tries).items() if number > 1]
    if not tries or twice:
        wrong = (
            f"two tries are called {twice[0]!r}: give one of them another name="
            if twice
            else "nothing to try: give at least one Try"
        )
        raise Misdeclared(wrong)


def _proof_of(judged: Sequence[Judged], broken: Sequence[str]) -> Proof:
    wrongs = [
        f"{one.trial.name} at {', '.join(one.places) or 'no point'}: {wrong}"
        for one in judged
        for wrong in one.wrongs
    ]
    names = list(dict.fromkeys(one.trial.variant.name for one in judged))
    by_name = {name: [one for one in judged if one.trial.variant.name == name] for name in names}
    return Proof(
        wrongs=(*wrongs, *broken),
        trials={name: len(mine) for name, mine in by_name.items()},
        doubts={name: sum(one.seen.doubted for one in mine) for name, mine in by_name.items()},
        places={
            name: frozenset(place for one in mine for place in one.places)
            for name, mine in by_name.items()
        },
    )


def _in_silence(judged: Judged) -> None:
    """Its user looks at the whole."""
    del judged
