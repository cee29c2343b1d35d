"""The past of a job as planners read it: each step parsed when it is looked at, and not before."""

import json
from collections.abc import Iterator, Sequence
from typing import overload

from typing_extensions import override

from agent_workers.domain.agents.agent import Past
from agent_workers.domain.claim import Done


class History(Sequence[Past]):
    """Finished steps, oldest first; most planners look at few of them, many at none."""

    def __init__(self, done: Sequence[Done]) -> None:
        self._done = done
        self._parsed: dict[int, Past] = {}

    @overload
    def __getitem__(self, index: int) -> Past: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Past]: ...
    @override
    def __getitem__(self, index: int | slice) -> Past | Sequence[Past]:
        places = range(len(self._done))[index]
        if isinstance(places, range):
            return [self._past(place) for place in places]
        return self._past(places)

    @override
    def __reversed__(self) -> Iterator[Past]:
        for place in range(len(self._done) - 1, -1, -1):
            yield self._past(place)

    @override
    def __len__(self) -> int:
        return len(self._done)

    def _past(self, place: int) -> Past:
        past = self._parsed.get(place)
        if past is None:
            past = self._parsed[place] = _past(self._done[place])
        return past


def _past(done: Done) -> Past:
    value, origin = json.loads(done.outcome), None
    if done.type == "tool_failed":
        # Apart from the failure itself: models see that, and nothing of our users' code.
        origin = {name: value.pop(name, None) for name in ("where", "cause")}
    return Past(
        position=done.position,
        round=done.round,
        kind=done.kind.value,
        tool=done.tool,
        type=done.type,
        call_id=done.call_id,
        value=value,
        origin=origin,
    )
