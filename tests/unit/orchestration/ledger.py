"""A ledger of one effect in memory, a tool and a timer: what the effect protocol needs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from typing_extensions import override

from agent_workers.domain.claim import Claimed
from agent_workers.domain.effect import (
    Asked,
    EffectRules,
    EffectState,
    KnownEffect,
    LastPermit,
    PermitMode,
    Proof,
    Says,
)
from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.ids import EffectKey
from agent_workers.domain.reply import Happened, Reply, Seen, Written
from agent_workers.domain.step import ToolFailed, ToolRan
from agent_workers.state.database.engine import Connection
from agent_workers.state.steps.permits import Permits

START = datetime(2026, 1, 1, tzinfo=UTC)


class Ledger(Permits):
    """Permits and evidence as the database would keep them; `wrote` is what was asked of it."""

    def __init__(self, *, result: str = "ok", known: KnownEffect | None = None) -> None:
        self.clock = START
        self.result = result
        self.known = known or KnownEffect(
            state=EffectState.INTENDED,
            result=None,
            first_granted_at=None,
            quiet_after=None,
            last=None,
        )
        self.wrote: list[tuple[object, ...]] = []
        # What happens while the permit is granted, and what asking for the time meets.
        self.on_grant: Callable[[], None] = lambda: None
        self.away: StateUnavailable | None = None
        # Whether who has the tool could still use the effect's key.
        self.has_key = False

    @contextmanager
    @override
    def transaction(self) -> Iterator[Connection]:
        yield None  # type: ignore[misc]  # nothing here looks at it

    @override
    def now(self) -> datetime:
        if self.away is not None:
            raise self.away
        return self.clock

    @override
    def ask(
        self, connection: Connection, claimed: Claimed, key: EffectKey, request: bytes
    ) -> Asked:
        return Asked(result=self.result, known=self.known, request=request, now=self.clock)

    @override
    def grant(
        self,
        connection: Connection,
        claimed: Claimed,
        key: EffectKey,
        mode: PermitMode,
        attempt: int,
        rules: EffectRules,
    ) -> None:
        self.wrote.append(("grant", mode, attempt))
        self.on_grant()

    @override
    def evidence(self, connection: Connection, claimed: Claimed, proof: Proof) -> bool:
        self.wrote.append(("evidence", proof.attempt, proof.says, proof.source, proof.result))
        return False

    @override
    def absent(self, connection: Connection, claimed: Claimed, key: EffectKey) -> None:
        self.wrote.append(("absent",))

    @override
    def looked_in_vain(
        self, connection: Connection, claimed: Claimed, key: EffectKey, *, for_good: bool
    ) -> None:
        self.wrote.append(("in vain", for_good))

    @override
    def is_intended(self, claimed: Claimed, key: EffectKey) -> bool:
        return True

    @override
    def key_lives(self, connection: Connection, claimed: Claimed, key: EffectKey) -> bool:
        return self.has_key

    @override
    def doubt(self, connection: Connection, claimed: Claimed, key: EffectKey, reason: str) -> str:
        self.wrote.append(("doubt", reason))
        return "in_doubt"

    @override
    def abandon(
        self, connection: Connection, claimed: Claimed, key: EffectKey, reason: str
    ) -> None:
        self.wrote.append(("abandon", reason))


class Tools:
    """Replies and look-ups that were decided beforehand."""

    def __init__(self, *, reply: Reply | None = None, seen: Seen | None = None) -> None:
        self._reply = reply or Happened(result=b"1")
        self._seen = seen
        self.acted: list[int] = []
        self.requests: list[tuple[Claimed, bytes, EffectKey]] = []
        # When the kernel would end the process, and what its clock says: it stands still by itself.
        self.deadlines: list[float] = []
        self.time = 0.0
        self.on_arming: Callable[[], None] = lambda: None
        self._armed = False

    def act(self, claimed: Claimed, request: bytes, *, key: EffectKey, attempt: int) -> Reply:
        assert self._armed, "acts without the kernel's timer"
        self.requests.append((claimed, request, key))
        self.acted.append(attempt)
        return self._reply

    def look_up(self, claimed: Claimed, request: bytes, *, key: EffectKey) -> Seen:
        assert self._seen is not None, "looks up although nobody asked for it"
        self.requests.append((claimed, request, key))
        return self._seen

    def write(self, claimed: Claimed) -> Written | ToolFailed:
        raise NotImplementedError

    def kept(self, claimed: Claimed) -> ToolRan | None:
        raise NotImplementedError

    def objection(self, claimed: Claimed, result: bytes) -> str:  # noqa: ARG002 (as tools have it)
        return "" if result.isdigit() else "it is no number"

    def now(self) -> float:
        return self.time

    @contextmanager
    def armed(self, deadline: float) -> Iterator[None]:
        self.deadlines.append(deadline)
        self.on_arming()
        self._armed = True
        yield
        self._armed = False


def permitted(
    says: Says | None = None, *, quiet: timedelta = timedelta(seconds=-1), attempt: int = 1
) -> KnownEffect:
    """An effect whose last permit is this; `quiet` from now on."""
    open_ = says in {None, Says.UNKNOWN}
    at = START + quiet
    last = LastPermit(attempt=attempt, says=says, source=None, quiet_after=at)
    return KnownEffect(
        state=EffectState.INTENDED,
        result=None,
        first_granted_at=START - timedelta(days=1),
        quiet_after=at if open_ else None,
        last=last,
    )
