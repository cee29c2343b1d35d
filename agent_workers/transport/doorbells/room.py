"""How many more doorbells a lane can use: rings that no worker would hear in time are not sent."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from agent_workers.domain.step import Lane
from agent_workers.transport.doorbells.ring import Ring

# Other processes may ring meanwhile; for so long their rings may be overlooked.
FRESH_FOR_S = 0.05


@dataclass(slots=True)
class _Room:
    left: int
    seen_at: float


class Room:
    """What is left, in each lane, of `cap` doorbells in the queue.

    An ordinary ring may be left out only after its step was committed and while `cap` doorbells
    were seen waiting: each of those deliveries starts later than that, and a delivery that ends
    claims the oldest due step of its lane. So "full" is never remembered, only "has room".
    """

    def __init__(self, *, cap: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._cap = cap
        self._clock = clock
        self._rooms: dict[Lane, _Room] = {}

    def lanes_to_look_at(self, rings: Iterable[Ring]) -> list[Lane]:
        needed = Counter(ring.lane for ring in rings if not ring.high)
        return [lane for lane, count in needed.items() if not self._surely_has(lane, count)]

    def note(self, depths: Mapping[Lane, int]) -> None:
        """Remember how many doorbells were seen waiting in the lanes' ordinary queues."""
        now = self._clock()
        for lane, depth in depths.items():
            self._rooms[lane] = _Room(left=max(0, self._cap - depth), seen_at=now)

    def admit(self, rings: Sequence[Ring]) -> list[Ring]:
        """Return the rings worth sending: every high one, and ordinary ones while there is room."""
        return [ring for ring in rings if ring.high or self._take(ring.lane)]

    def _surely_has(self, lane: Lane, count: int) -> bool:
        room = self._rooms.get(lane)
        if room is None or self._clock() - room.seen_at > FRESH_FOR_S:
            return False
        return room.left >= count

    def _take(self, lane: Lane) -> bool:
        room = self._rooms[lane]
        if room.left == 0:
            return False
        room.left -= 1
        return True
