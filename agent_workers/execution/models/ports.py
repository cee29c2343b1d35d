"""What planners and evaluators need of models, and what models need of the world."""

from typing import Protocol

from agent_workers.domain.agents.agent import Agent
from agent_workers.domain.claim import Claimed
from agent_workers.domain.ids import TenantId
from agent_workers.domain.models.delta import Delta
from agent_workers.domain.models.quota import Room
from agent_workers.execution.models.values import ModelReply, ModelRequest


class Model(Protocol):
    def complete(self, request: ModelRequest, *, deadline_s: float) -> ModelReply:
        """Give one reply within `deadline_s`, or raise `ModelFailed`."""
        ...


class Models(Protocol):
    def of(self, claimed: Claimed, agent: Agent) -> Model:
        """Make the model of one attempt of a step.

        It fills in `request.model` by `request.purpose` from the agent's ladder, from the rung
        that the job is at; what a reply was less than asked for stands in its `degraded`.
        """
        ...


class Breakers(Protocol):
    """Remembers, for all workers, what has failed too often; names are `model:NAME`."""

    def ask(self, name: str, tenant_id: TenantId) -> float | None:
        """None: go on, and `tell` how it went; else the seconds until a look makes sense.

        Whoever goes on may be the one probe of a breaker that is half open. A prober that dies
        never tells, so a probe must lapse by itself.
        """
        ...

    def tell(self, name: str, tenant_id: TenantId, failed: bool) -> None:  # noqa: FBT001 - there is nothing else to tell
        """Say how a call went that `ask` let through."""
        ...

    def let_go(self, name: str, tenant_id: TenantId) -> None:
        """Say nothing of a call that `ask` let through: it was cut before it could show anything."""
        ...

    def is_open(self, name: str, tenant_id: TenantId) -> bool:
        """Say whether calls are barred, without asking for the place of a probe."""
        ...


class Answers(Protocol):
    """The shared store of exact answers, with one asker at a time for each; it never fails."""

    def find(self, key: str) -> bytes | None: ...

    def lead(self, key: str) -> str | None:
        """Become the one who asks: a token, or None while another one does."""
        ...

    def keep(self, key: str, answer: bytes, *, token: str) -> None:
        """Store the answer for all who wait for it."""
        ...

    def leave(self, key: str, *, token: str) -> None:
        """Let another one ask: there is no answer to keep."""
        ...


class Quotas(Protocol):
    """Requests and tokens per minute, shared by all workers; it never fails."""

    def reserve(self, model: str, *, tokens: int, patience_s: float) -> Room:
        """Take room for one request if it comes within `patience_s`; else say when it comes."""
        ...

    def settle(self, model: str, *, reserved: int, used: int) -> None:
        """Correct a reservation by what the call really used: it went well."""
        ...

    def release(self, model: str, *, reserved: int) -> None:
        """Give a reservation back: nothing was sent, or nothing came of it."""
        ...

    def cool(self, model: str, *, seconds: float | None) -> float | None:
        """Let nobody in for so long, doubling from a second when the provider does not say.

        Returns the seconds, or None when nobody else heard of it.
        """
        ...


class Deltas(Protocol):
    """Tells whoever watches a job; never waits, never fails."""

    def say(self, delta: Delta) -> None: ...
