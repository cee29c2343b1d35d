"""The whole store in memory, part by part as the loop meets it; and a driver upon it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from agent_workers.domain.claim import Claimed, Due, Onward
from agent_workers.domain.effect import Proof
from agent_workers.domain.ids import JobId, WorkerId
from agent_workers.domain.job import MOST_BYTES_OF_A_JOB
from agent_workers.domain.step import Lane
from agent_workers.domain.tools.clock import Clock
from agent_workers.domain.tools.tool import Statement
from agent_workers.orchestration.breakers import SharedBreakers
from agent_workers.orchestration.carrying import Following
from agent_workers.orchestration.effects.act import EffectProtocol
from agent_workers.orchestration.effects.keeping_evidence import Proving
from agent_workers.orchestration.engine_tools.run import Engaging
from agent_workers.orchestration.ports import Book, Effects, Perform
from agent_workers.orchestration.steps.advance import Driver
from agent_workers.orchestration.steps.after_step import Aftermath
from agent_workers.orchestration.steps.fallbacks import FindWays
from agent_workers.orchestration.steps.tool_slots import Places as HeldPlaces
from agent_workers.testing.memory.claiming import Calls, Claims
from agent_workers.testing.memory.control import Controls, Sweeps
from agent_workers.testing.memory.effects import Permits
from agent_workers.testing.memory.mailing import Mail
from agent_workers.testing.memory.parking import Waits
from agent_workers.testing.memory.recording import Records
from agent_workers.testing.memory.rows import Rows
from agent_workers.testing.memory.sharing import Breakers, Places

WORKER = WorkerId(UUID(int=1))
# Finish what was begun before something new is begun.
LANES = (Lane.EVALUATE, Lane.TOOL, Lane.EFFECT, Lane.PLAN)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_JITTER = 0.5


class Store:
    """One store; whoever needs only a part of it takes that part."""

    def __init__(
        self,
        clock: Clock,
        *,
        execute: Callable[[Sequence[Statement]], object] = lambda _: None,
        most_bytes: int = MOST_BYTES_OF_A_JOB,
    ) -> None:
        self.rows = rows = Rows(clock)
        self.claims, self.calls = Claims(rows), Calls(rows)
        self.records = Records(rows, execute=execute, most_bytes=most_bytes)
        self.permits, self.waits, self.mail = Permits(rows), Waits(rows), Mail(rows)
        self.controls, self.sweeps = Controls(rows), Sweeps(rows)
        self.places, self.breakers = Places(rows), Breakers(rows)

    def seconds(self) -> float:
        return (self.rows.now() - _EPOCH).total_seconds()


@dataclass(frozen=True, slots=True)
class Clockwork:
    """The timer of effects by the store's clock: nothing here outlives its permit."""

    now: Callable[[], float]

    def armed(self, deadline: float) -> AbstractContextManager[None]:
        del deadline
        return nullcontext()


class NoDisk:
    """The store is never away, so that no evidence is put on disk."""

    def put(self, _: Claimed, __: Proof, /) -> None:
        raise OSError("a store in memory spills nothing")

    def forget(self, _: Claimed, __: Proof, /) -> None: ...


class Worker:
    """One worker upon a store, which does what is due until nothing is."""

    def __init__(
        self,
        store: Store,
        *,
        book: Book,
        perform: Perform,
        tools: Effects,
        ways: FindWays,
        breakers: SharedBreakers,
    ) -> None:
        self._store = store
        self.breakers = breakers
        permits, records = store.permits, store.records
        self.driver = Driver(
            book=book,
            claims=store.claims,
            records=records,
            engaging=Engaging(store.waits, store.mail, ring=no_bell),
            perform=perform,
            tools=tools,
            protocol=EffectProtocol(permits, tools, Clockwork(store.seconds)),
            ring=no_bell,
            tell=_told,
            aftermath=Aftermath(breakers=breakers, permits=permits, ways=ways, jitter=_jitter),
            places=HeldPlaces(store.places, ring=no_bell, jitter=_jitter),
            calls=store.calls,
            proving=Proving(permits=permits, records=records, spill=NoDisk()),
        )

    def work(self) -> Iterator[Claimed]:
        """Do what is due now, step by step; gives each step once it is done."""
        self._sweep()
        while (claimed := self._store.claims.next(LANES)) is not None:
            following: Following = claimed
            while isinstance(following, Claimed):
                step, following = following, self.driver.advance(following, Onward)
                yield step
            self._sweep()

    def _sweep(self) -> None:
        self._store.sweeps.expired()
        self._store.sweeps.stops()
        self.breakers.keep()


def breakers_of(store: Store) -> SharedBreakers:
    return SharedBreakers(store.breakers, by=str(WORKER), ring=no_bell, clock=store.seconds)


def no_bell(due: Sequence[Due], *, parent: str | None) -> None:
    """Ring for nobody: the one worker looks for what is due."""


def _told(job_id: JobId) -> None: ...


def _jitter() -> float:
    return _JITTER
