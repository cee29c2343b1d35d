"""Random worlds: what a job calls, how tools and servers behave, and what befalls its workers."""

import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import TypeVar

from agent_workers.proving.outside.wild import MOODS, TOOLS, VERDICTS
from agent_workers.proving.process.points import POINTS

Thing = TypeVar("Thing")
_SERVER = ("lose", "drop", "slow", "late", "deny", "fail")
_BLOWS = ("kill", "kill", "kill", "doze", "freeze", "cut", "backend", "flush", "cancel", "pause")
_AT_A_POINT = {"kill", "doze", "freeze"}
_LINES = 700
_CHUNKS = 40
# A keeper's points depend on luck; the trials by name strike them.
_PLACES = tuple(point.name for point in POINTS if not point.name.startswith("keeper."))


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOf:
    """One call of the plan: its tool, and the moods of tool and server, attempt by attempt."""

    tool: str
    moods: tuple[str, ...] = ()
    server: tuple[str, ...] = ()
    waits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfortune:
    """A blow; where it falls is a named point, a line's number, or a chunk's."""

    blow: str
    point: str = ""
    number: int = 0
    seconds: float = 0.0

    def told(self) -> str:
        if self.blow == "cut":
            return f"its connection to Postgres is cut at chunk {self.number}"
        if self.blow in _AT_A_POINT:
            return f"{self.blow} at {self.point or f'line {self.number}'}"
        return f"{self.blow} after {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    calls: tuple[CallOf, ...]
    verdicts: tuple[str, ...] = ()
    misfortunes: tuple[Misfortune, ...] = ()
    split: bool = False

    @property
    def faults(self) -> int:
        behaviours = sum(len(call.moods) + len(call.server) for call in self.calls)
        return behaviours + len(self.misfortunes)

    def told(self) -> str:
        """Say it in lines that a person can read, and try by hand."""
        lines = []
        for number, call in enumerate(self.calls):
            server = f", server: {' then '.join(call.server)}" if call.server else ""
            moods = f", behaviour: {' then '.join(one or 'fine' for one in call.moods)}"
            after = f", after c{number - 1}" if call.waits and number else ""
            lines.append(f"c{number}: {call.tool}{after}{server}{moods if call.moods else ''}")
        if self.verdicts:
            lines.append(f"verdicts: {', '.join(self.verdicts)}, then the answer")
        lines += [f"worker {n}: {one.told()}" for n, one in enumerate(self.misfortunes, 1)]
        return "\n".join(lines)

    def wish(self) -> dict[str, object]:
        """Return what the job's input says of it."""
        return {"calls": [asdict(call) for call in self.calls], "verdicts": list(self.verdicts)}


def world_of(seed: int, number: int) -> World:
    """Make the world of this number; the same one for the same seed."""
    chance = random.Random(f"{seed}/{number}")  # noqa: S311 (repeatable)
    return World(
        calls=tuple(_call(chance) for _ in range(chance.choice((1, 1, 1, 2, 2, 3)))),
        verdicts=tuple(
            chance.choice(("retry", *VERDICTS)) for _ in range(chance.choice((0, 0, 1, 1, 2)))
        ),
        misfortunes=tuple(_misfortune(chance) for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3)))),
        split=chance.random() < 1 / 3,
    )


def smaller(world: World) -> Iterator[World]:
    """Every world that has one thing less."""
    for n in range(len(world.misfortunes)):
        yield replace(world, misfortunes=_without(world.misfortunes, n))
    for n in range(len(world.verdicts)):
        yield replace(world, verdicts=_without(world.verdicts, n))
    if len(world.calls) > 1:
        for n in range(len(world.calls)):
            yield replace(world, calls=_without(world.calls, n))
    for n, call in enumerate(world.calls):
        for less in _simpler(call):
            calls = (*world.calls[:n], less, *world.calls[n + 1 :])
            yield replace(world, calls=calls)
    if world.split:
        yield replace(world, split=False)


def _simpler(call: CallOf) -> Iterator[CallOf]:
    if call.moods:
        yield replace(call, moods=call.moods[:-1])
        if call.moods[0]:
            yield replace(call, moods=("", *call.moods[1:]))
    if call.server:
        yield replace(call, server=call.server[:-1])
        yield replace(call, server=call.server[1:])
    if call.waits:
        yield replace(call, waits=False)


def _call(chance: random.Random) -> CallOf:
    return CallOf(
        tool=chance.choice([one.name for one in TOOLS]),
        moods=tuple(chance.choice((*MOODS, "", "")) for _ in range(chance.choice((0, 0, 1, 1, 2)))),
        server=tuple(chance.choice(_SERVER) for _ in range(chance.choice((0, 0, 1, 1, 2, 3)))),
        waits=chance.random() < 1 / 2,
    )


def _misfortune(chance: random.Random) -> Misfortune:
    blow = chance.choice(_BLOWS)
    seconds = chance.uniform(0.1, 1.5)
    if blow in _AT_A_POINT and chance.random() < 3 / 4:
        return Misfortune(blow=blow, point=chance.choice(_PLACES), seconds=seconds)
    most = _CHUNKS if blow == "cut" else _LINES
    return Misfortune(blow=blow, number=chance.randint(1, most), seconds=seconds)


def _without(things: tuple[Thing, ...], n: int) -> tuple[Thing, ...]:
    return (*things[:n], *things[n + 1 :])
