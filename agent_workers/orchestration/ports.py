"""What deciding needs from outside, as Protocols: doing, carrying, and telling."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Protocol

from agent_workers.domain.claim import Claimed, Done, Due
from agent_workers.domain.effect import Proof
from agent_workers.domain.ids import EffectKey, JobId, TenantId
from agent_workers.domain.reply import Reply, Seen, Written
from agent_workers.domain.step import Broke, Outcome, ToolFailed, ToolRan
from agent_workers.domain.tools.remembered import Remembered
from agent_workers.orchestration.traits import AgentTraits, Lacking


class Perform(Protocol):
    """Do a step that leaves no mark outside: plan, evaluate, pure tools."""

    def __call__(
        self, claimed: Claimed, history: Callable[[], tuple[Done, ...]]
    ) -> Outcome | Broke: ...


class Effects(Protocol):
    """Run the tools that leave a mark outside; and what is known of any tool before it runs."""

    def kept(self, claimed: Claimed) -> ToolRan | None:
        """Find a result of a pure tool that serves again; never raises for want of it."""
        ...

    def objection(self, claimed: Claimed, result: bytes) -> str:
        """Say how a result is not what the tool declares; empty when it is. Never raises."""
        ...

    def act(self, claimed: Claimed, request: bytes, *, key: EffectKey, attempt: int) -> Reply: ...

    def look_up(self, claimed: Claimed, request: bytes, *, key: EffectKey) -> Seen: ...

    def write(self, claimed: Claimed) -> Written | ToolFailed | Broke: ...


class Takes(Protocol):
    """Say whether another tool of the same agent takes the arguments of a step."""

    def __call__(self, claimed: Claimed, tool: str, /) -> bool: ...


class Recalls(Protocol):
    """Find what a tool gave earlier for the arguments of a step; never raises for want of it."""

    def __call__(self, claimed: Claimed, tool: str, /) -> Remembered | None: ...


class Breakers(Protocol):
    """Remembers, for all workers, what has failed too often; never raises."""

    def ask(self, name: str, tenant_id: TenantId, *, holds: timedelta) -> float | None: ...

    def tell(self, name: str, tenant_id: TenantId, failed: bool, *, code: str = ...) -> None: ...  # noqa: FBT001 (as the models have it)

    def let_go(self, name: str, tenant_id: TenantId) -> None: ...

    def is_open(self, name: str, tenant_id: TenantId) -> bool: ...


class Timer(Protocol):
    """Ends the process in the kernel when an effect outlives its permit."""

    def now(self) -> float: ...

    def armed(self, deadline: float) -> AbstractContextManager[None]: ...


class Spill(Protocol):
    """Keeps a proof on disk while Postgres is away; raises OSError where that cannot be done."""

    def put(self, claimed: Claimed, proof: Proof) -> None: ...

    def forget(self, claimed: Claimed, proof: Proof) -> None: ...


class Ring(Protocol):
    """Tell workers that steps are due; never waits, never fails."""

    def __call__(self, due: Sequence[Due], *, parent: str | None) -> None: ...


class Tell(Protocol):
    """Tell whoever waits for this job that something changed; never waits, never fails."""

    def __call__(self, job_id: JobId) -> None: ...


class Book(Protocol):
    """The agents whose steps this process can do, each in the version that its job is pinned to."""

    def __call__(self, claimed: Claimed, /) -> AgentTraits | Lacking: ...
