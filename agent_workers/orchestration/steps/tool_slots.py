"""Tools that may have so many calls at once: who finds one full waits without a worker."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

import structlog

from agent_workers.domain.claim import Claimed, Due
from agent_workers.domain.decision import Park
from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.wait import Wait, WaitKind
from agent_workers.orchestration.patience import patiently
from agent_workers.orchestration.ports import Ring
from agent_workers.orchestration.traits import AgentTraits

log = structlog.get_logger(__name__)

# Who waits is woken when a place is free; a look of its own finds what nobody was told of.
_FIRST_LOOK = timedelta(seconds=1)
_LONGEST_LOOK = timedelta(seconds=15)


class PlaceStore(Protocol):
    """Where all processes share the places of tools: in Postgres, or in the memory of one."""

    def take(self, claimed: Claimed, *, most: int, longest: timedelta) -> bool: ...

    def leave(self, claimed: Claimed, *, most: int) -> Sequence[Due]: ...


class Places:
    def __init__(
        self,
        store: PlaceStore,
        *,
        ring: Ring,
        jitter: Callable[[], float],
        patience_s: float = 20.0,
    ) -> None:
        self._store = store
        self._ring = ring
        self._jitter = jitter
        self._patience_s = patience_s

    @contextmanager
    def held(self, claimed: Claimed, agent: AgentTraits) -> Iterator[Park | None]:
        """Hold a place while the tool is called; or say that all are taken, and how to wait."""
        tool = agent.tools.get(claimed.tool)
        if tool is None or not tool.concurrency:
            yield None
        elif not self._taken(claimed, tool.concurrency, tool.rules.kernel_budget):
            yield self._wait(claimed)
        else:
            try:
                yield None
            finally:
                self._leave(claimed, tool.concurrency)

    def _taken(self, claimed: Claimed, most: int, longest: timedelta) -> bool:
        return patiently(
            lambda: self._store.take(claimed, most=most, longest=longest),
            seconds=self._patience_s,
        )

    def _wait(self, claimed: Claimed) -> Park:
        look = min(_LONGEST_LOOK, _FIRST_LOOK * (1 << min(claimed.fence - 1, 10)))
        timeout = look * (1 + self._jitter() / 2)
        return Park(wait=Wait(kind=WaitKind.PLACE, key=claimed.tool, timeout=timeout))

    def _leave(self, claimed: Claimed, most: int) -> None:
        try:
            due = self._store.leave(claimed, most=most)
        except StateUnavailable as error:
            # It is free again when the longest call would be over.
            log.warning("place_not_left", tool=claimed.tool, error=str(error))
            return
        if due:
            self._ring(due, parent=None)
