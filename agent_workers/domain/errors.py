"""The error tree: the name says what is wrong, `retryable` says what to do."""

from agent_workers.domain.trouble import Trouble


class AgentWorkersError(Exception):
    """The root of every error this product raises on purpose."""

    retryable = False
    code = "error"
    # Where it was raised, when that was in another process.
    trouble: Trouble | None = None


class JobNotFound(AgentWorkersError):
    code = "job_not_found"


class EffectNotFound(AgentWorkersError):
    code = "effect_not_found"


class IllegalMove(AgentWorkersError):
    """A status may not follow another, or an operation does not fit the job's status."""

    code = "illegal_move"


class KeyReused(AgentWorkersError):
    """An idempotency key was sent again with another request."""

    code = "idempotency_key_reused"


class KeyInFlight(AgentWorkersError):
    """The first request with this idempotency key has not committed yet."""

    retryable = True
    code = "idempotency_key_in_flight"


class FenceLost(AgentWorkersError):
    """Somebody else claimed the step after us; what we hold is no longer ours to record."""

    code = "fence_lost"


class QuotaReached(AgentWorkersError):
    """The tenant has as many of a kind as it may have; an operator may raise the quota."""

    code = "quota_reached"


class KeepsTooMuch(QuotaReached):
    """A tenant keeps as many bytes as it may: nothing more is taken of it, whatever it is."""

    def __init__(self, message: str, *, tenant_id: str) -> None:
        super().__init__(message)
        self.tenant_id = tenant_id


class TooEarly(AgentWorkersError):
    """It cannot be known yet: the permit may still act."""

    retryable = True
    code = "too_early"


class SessionBusy(AgentWorkersError):
    """The session has a job that has not ended, and the new one was not to wait for it."""

    code = "session_busy"


class SessionOfAnother(AgentWorkersError):
    """The session was begun for another user."""

    code = "session_of_another"


class SessionNotFound(AgentWorkersError):
    code = "session_not_found"


class BudgetExceeded(AgentWorkersError):
    code = "budget_exceeded"


class StateUnavailable(AgentWorkersError):
    """Postgres cannot be reached, or gave up on us; nothing is known to be lost."""

    retryable = True
    code = "state_unavailable"


class ToolError(AgentWorkersError):
    """A tool says that it failed for good; raise it from a tool."""

    code = "tool_error"


class BadResult(ToolError):
    """A tool returned something that is not JSON, or not what it declares."""

    code = "bad_result"


class TryLater(ToolError):
    """A tool says that the same call may work later; raise it from a pure or keyed tool."""

    retryable = True
    code = "try_later"


class NotExecuted(ToolError):
    """A tool says that its effect certainly did not happen, so trying again is safe."""

    retryable = True
    code = "not_executed"


class FacilityError(AgentWorkersError):
    """What a worker gave to a tool could not do what the tool asked of it.

    No refusal by the tool: whatever the tool did before, it may have done.
    """

    code = "tool_error"


class FacilityAway(FacilityError):
    """The same may work later."""

    retryable = True
    code = "try_later"


class Escaped(AgentWorkersError):
    """What left a user's code was no `Exception`: `CancelledError`, `SystemExit` or the like."""

    retryable = True
    code = "exception"


class RaisedInside(AgentWorkersError):
    """What a tool raised in its child process, told by its code and its words."""

    def __init__(self, message: str, *, code: str, retryable: bool) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable


class OverTime(AgentWorkersError):
    """A coroutine of the user's was cancelled at its time-out; no line of code raised this."""

    retryable = True
    code = "timeout"


class Ending(BaseException):
    """A process raises this in whatever it is calling, to end that; a tool must not take it."""


class BadReturn(AgentWorkersError):
    """A planner, an evaluator or a check returned something that nothing can be done with."""

    code = "bad_return"


class Misdeclared(AgentWorkersError):
    """A tool or agent is declared in a way that cannot work; raised when it is loaded."""

    code = "misdeclared"
