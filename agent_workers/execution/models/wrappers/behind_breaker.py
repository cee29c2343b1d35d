"""A wrapper that passes a model over while its circuit breaker is open, and tells how calls went."""

from datetime import timedelta
from typing import Final

from agent_workers.domain.breaker import model_breaker
from agent_workers.domain.ids import TenantId
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.ports import Breakers, Model
from agent_workers.execution.models.values import ModelReply, ModelRequest

# What says that a model is down, and not that a request is wrong. A spent quota and a refused key
# are mended by an operator: jobs wait for that instead of failing. A rate limit cools its bucket.
_FAULTS: Final = frozenset(
    {
        ErrorClass.OVERLOADED,
        ErrorClass.SERVER_ERROR,
        ErrorClass.TIMEOUT,
        ErrorClass.CONNECTION,
        ErrorClass.MALFORMED,
        ErrorClass.AUTH,
        ErrorClass.QUOTA,
    }
)
# A call that was given less than this says nothing when it is cut: its step had no time.
_FAIR_S: Final = 5.0


class BehindBreaker:
    """Asks the breaker before each call of a tenant; the name of a model's is `model:NAME`."""

    def __init__(
        self, model: Model, *, breakers: Breakers, tenant_id: TenantId, fair_s: float = _FAIR_S
    ) -> None:
        self._model = model
        self._tenant_id = tenant_id
        self._breakers = breakers
        self._fair_s = fair_s

    def complete(self, request: ModelRequest, *, deadline_s: float) -> ModelReply:
        """Make the call unless the breaker is open."""
        name = model_breaker(request.model)
        wait_s = self._breakers.ask(name, self._tenant_id)
        if wait_s is not None:
            raise ModelFailed(
                ErrorClass.BREAKER_OPEN,
                f"model {request.model!r} failed too often lately; see `agent-workers breakers`",
                retry_after=timedelta(seconds=wait_s),
                parks_on=name,
            )
        try:
            reply = self._model.complete(request, deadline_s=deadline_s)
        except ModelFailed as failed:
            if failed.error_class is ErrorClass.TIMEOUT and deadline_s < self._fair_s:
                self._breakers.let_go(name, self._tenant_id)
            else:
                self._tell(name, failed, is_down=failed.error_class in _FAULTS)
            raise
        except BaseException:
            self._breakers.let_go(name, self._tenant_id)
            raise
        self._breakers.tell(name, self._tenant_id, False)  # noqa: FBT003 - how it went
        return reply

    def _tell(self, name: str, failed: ModelFailed, *, is_down: bool) -> None:
        self._breakers.tell(name, self._tenant_id, is_down)
        # Whoever opened it, or probed for everybody, waits like the others: no try is used up.
        # To ask would take the place of a probe that is never made.
        if is_down and self._breakers.is_open(name, self._tenant_id):
            failed.parks_on = name


class AlwaysClosed:
    """The breakers of a process that shares none: every call goes on."""

    def ask(self, name: str, tenant_id: TenantId) -> float | None:  # noqa: ARG002 - all are closed
        return None

    def tell(self, name: str, tenant_id: TenantId, failed: bool) -> None:  # noqa: FBT001 - see the Protocol
        """Nobody remembers."""

    def let_go(self, name: str, tenant_id: TenantId) -> None:
        """Nobody remembers."""

    def is_open(self, name: str, tenant_id: TenantId) -> bool:  # noqa: ARG002 - as above
        return False
