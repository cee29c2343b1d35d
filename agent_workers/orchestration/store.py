"""What deciding needs to be remembered, as Protocols: in Postgres, or in the memory of one process."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

from agent_workers.domain.claim import HALT, Claimed, Done, Onward, Recorded
from agent_workers.domain.decision import Decision
from agent_workers.domain.effect import Asked, EffectRules, PermitMode, Proof
from agent_workers.domain.ids import EffectKey
from agent_workers.domain.mail import Letter, Sent
from agent_workers.domain.step import Broke
from agent_workers.domain.tools.tool import Statement
from agent_workers.domain.wait import Waited

# Any: the open transaction of a store, which nobody else looks into.
Open = Any


class Past(Protocol):
    """The recorded steps of a job."""

    def history(self, claimed: Claimed, *, limit: int) -> tuple[Done, ...]: ...


class Recording(Protocol):
    """Writes what a step gave and what follows, once, behind its fence."""

    def record(
        self,
        claimed: Claimed,
        decision: Decision,
        *,
        written: bytes,
        onward: Onward = HALT,
        connection: Open | None = None,
    ) -> Recorded: ...

    def record_with(
        self,
        claimed: Claimed,
        decision: Decision,
        statements: Sequence[Statement],
        *,
        written: bytes,
        onward: Onward,
    ) -> Recorded | Broke | str: ...

    def stand_down(self, claimed: Claimed) -> str: ...


class Transactions(Protocol):
    def transaction(self) -> AbstractContextManager[Open]: ...


class Evidence(Transactions, Protocol):
    """Keeps what is known of a permit, whoever holds its step by now."""

    def evidence(self, connection: Open, claimed: Claimed, proof: Proof) -> bool: ...


class ServerTime(Protocol):
    def now(self) -> datetime: ...


class OpenPermits(Protocol):
    def is_open(self, claimed: Claimed) -> bool:
        """Say whether an attempt at this step may have acted without our knowing."""
        ...


class Permitting(Evidence, ServerTime, Protocol):
    """Intents and permits: what is asked, granted and doubted belongs to an open transaction."""

    def ask(self, connection: Open, claimed: Claimed, key: EffectKey, request: bytes) -> Asked: ...

    def grant(
        self,
        connection: Open,
        claimed: Claimed,
        key: EffectKey,
        mode: PermitMode,
        attempt: int,
        rules: EffectRules,
    ) -> None: ...

    def absent(self, connection: Open, claimed: Claimed, key: EffectKey) -> None: ...

    def looked_in_vain(
        self, connection: Open, claimed: Claimed, key: EffectKey, *, for_good: bool
    ) -> None: ...

    def is_intended(self, claimed: Claimed, key: EffectKey) -> bool: ...

    def key_lives(self, connection: Open, claimed: Claimed, key: EffectKey) -> bool: ...

    def doubt(self, connection: Open, claimed: Claimed, key: EffectKey, reason: str) -> str: ...

    def abandon(self, connection: Open, claimed: Claimed, key: EffectKey, reason: str) -> None: ...


class Begun(Protocol):
    def begun_micro(self, claimed: Claimed) -> int:
        """What the calls of this claim may have cost at most, where nothing was held for them."""
        ...


class Waiting(Protocol):
    def of(self, claimed: Claimed) -> Waited | None:
        """Read what a step waited for; None when it has not waited yet."""
        ...


class Sending(Protocol):
    def send(self, letter: Letter) -> Sent:
        """Hand an event over to whoever waits for it, or keep it until somebody does."""
        ...
