"""The long proof: random worlds until time is up; what is wrong is made as small as it can be."""

import queue
import threading
import time
import traceback
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from agent_workers.proving.grounds import Ground, Servers
from agent_workers.proving.trials.stage import Job, Stage
from agent_workers.proving.trials.together import MOST_AT_ONCE, Proving, ready
from agent_workers.proving.worlds.judge import Lived
from agent_workers.proving.worlds.living import Living, OfWorld, trial_of
from agent_workers.proving.worlds.worlds import World, smaller, world_of

_TOLD_EVERY_S = 60.0
# Luck plays a part: what fails is lived through as often before a smaller world counts as sound.
_ATTEMPTS = 3
_MOST_SHRINKING_S = 120.0
# Numbers of trials that are no world's own.
_SMALLER = 10_000_000
_TOOLS = "agent_workers.proving.outside.wild"
_CALM_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A world in which something is wrong, and the smallest one in which it still is."""

    number: int
    world: World
    wrongs: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Long:
    """Lives through one world after the other, many at once."""

    proving: Proving
    url: str
    seed: int
    worlds: int = 0
    faults: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    found: list[Found] = field(default_factory=list)
    _numbers: int = _SMALLER
    _free: "queue.SimpleQueue[Ground]" = field(default_factory=queue.SimpleQueue)
    _made: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, seconds: float, *, first: int = 1, most: int | None = None) -> None:
        began = told = time.monotonic()
        number, under_way = first, set[Future[None]]()
        with ThreadPoolExecutor(self.proving.at_once) as pool:
            while time.monotonic() - began < seconds or under_way:
                goes_on = time.monotonic() - began < seconds and (
                    most is None or number < first + most
                )
                while goes_on and len(under_way) < self.proving.at_once:
                    under_way.add(pool.submit(self._one, number))
                    number += 1
                    goes_on = most is None or number < first + most
                if not under_way:
                    break
                under_way = wait(under_way, timeout=1.0, return_when=FIRST_COMPLETED).not_done
                if time.monotonic() - told > _TOLD_EVERY_S:
                    told = time.monotonic()
                    print(self.told(told - began), flush=True)
        print(self.told(time.monotonic() - began), flush=True)

    def told(self, seconds: float) -> str:
        ends = ", ".join(f"{number} {end}" for end, number in sorted(self.ends.items()))
        return (
            f"seed {self.seed}: {self.worlds} worlds, {self.faults} faults"
            f" ({60 * self.faults / max(seconds, 1):.0f} a minute), {len(self.found)} wrong; {ends}"
        )

    def shrink(self, found: Found) -> Found:
        """Leave out one thing after the other for as long as the same sort of wrong remains."""
        until = time.monotonic() + _MOST_SHRINKING_S
        word = _word(found.wrongs[0])
        while time.monotonic() < until:
            for world in smaller(found.world):
                wrongs = self._again(world, word)
                if wrongs:
                    found = Found(number=found.number, world=world, wrongs=wrongs)
                    break
                if time.monotonic() > until:
                    return found
            else:
                return found
        return found

    def _again(self, world: World, word: str) -> tuple[str, ...]:
        for _ in range(_ATTEMPTS):
            with self._lock:
                self._numbers += 1
            wrongs = self.live(self._numbers, world).wrongs
            if any(_word(wrong) == word for wrong in wrongs):
                return wrongs
        return ()

    def _one(self, number: int) -> None:
        world = world_of(self.seed, number)
        lived = self.live(number, world)
        with self._lock:
            self.worlds += 1
            self.faults += lived.faults
            self.ends[lived.status + (" after a doubt" if lived.doubted else "")] += 1
            if lived.wrongs:
                self.found.append(Found(number=number, world=world, wrongs=lived.wrongs))
                print(f"  WRONG world {number}: {'; '.join(lived.wrongs)}", flush=True)

    def live(self, number: int, world: World) -> Lived:
        ground = self._take()
        job = Job(outside=OfWorld(world=world, url=self.url), agent="wild", calm_s=_CALM_S)
        stage = Stage(trial=trial_of(number, world), ground=ground, crew=self.proving.crew, job=job)
        try:
            return Living(stage=stage, world=world, wires=self.proving.wires, url=self.url).live()
        except Exception:  # noqa: BLE001  # a world that breaks must not stop the others
            wrong = f"the trial itself broke: {traceback.format_exc(limit=-4)}"
            return Lived(status="", wrongs=(wrong,), faults=0)
        finally:
            self._free.put(ground)

    def _take(self) -> Ground:
        try:
            return self._free.get_nowait()
        except queue.Empty:
            with self._lock:
                self._made += 1
                return self.proving.grounds.make(self._made)


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which worlds of a seed, and how long for."""

    seed: int
    seconds: float
    first: int = 1
    most: int | None = None


def prove_long(
    servers: Servers, which: Which, *, folder: Path, at_once: int = MOST_AT_ONCE
) -> Long:
    """Live through random worlds for so long; print what was wrong, as small as it can be."""
    with ready(servers, folder=folder, prefix="wild", tools=_TOOLS, at_once=at_once) as proving:
        long = Long(proving=proving, url=servers.counter_url, seed=which.seed)
        long.run(which.seconds, first=which.first, most=which.most)
        for found in _of_each_sort(long.found):
            least = long.shrink(found)
            print(f"world {found.number}, as small as it can be: {'; '.join(least.wrongs)}")
            print("  " + least.world.told().replace("\n", "\n  "))
            print(
                f"  repeat it with: --long --seed {which.seed} --world {found.number}", flush=True
            )
    return long


def _of_each_sort(found: list[Found]) -> list[Found]:
    """The first world of each sort of wrong; to make all of them small would take hours."""
    first: dict[str, Found] = {}
    for one in found:
        first.setdefault(_word(one.wrongs[0]), one)
    return list(first.values())


def _word(wrong: str) -> str:
    return wrong.partition(":")[0]
