"""The past of a job as planners read it: parsed when it is looked at, and not before."""

import json
from collections.abc import Sequence
from functools import cached_property
from typing import overload

from typing_extensions import override

from agent_workers.domain.agent import Past
from agent_workers.domain.claim import Done


class History(Sequence[Past]):
    """Finished steps, oldest first; most planners look at few of them, many at none."""

    def __init__(self, done: Sequence[Done]) -> None:
        self._done = done

    @overload
    def __getitem__(self, index: int) -> Past: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Past]: ...
    @override
    def __getitem__(self, index: int | slice) -> Past | Sequence[Past]:
        return self._parsed[index]

    @override
    def __len__(self) -> int:
        return len(self._done)

    @cached_property
    def _parsed(self) -> tuple[Past, ...]:
        return tuple(_past(done) for done in self._done)


def _past(done: Done) -> Past:
    return Past(
        position=done.position,
        round=done.round,
        kind=done.kind.value,
        tool=done.tool,
        type=done.type,
        call_id=done.call_id,
        value=json.loads(done.outcome),
    )
