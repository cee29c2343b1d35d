"""What can go wrong with a model call; the class says what to do about it."""

from datetime import timedelta
from enum import StrEnum

from agent_workers.domain.budget import NO_USAGE, Usage
from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.step import Broke


class ErrorClass(StrEnum):
    RATE_LIMIT = "rate_limit"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    MALFORMED = "malformed"
    TRUNCATED = "truncated"
    AUTH = "auth"
    QUOTA = "quota"
    NOT_FOUND = "not_found"
    CONTEXT_WINDOW = "context_window"
    UNSUPPORTED = "unsupported"
    UNPRICED = "unpriced"
    BUDGET = "budget"
    BAD_REQUEST = "bad_request"
    CONTENT_POLICY = "content_policy"
    BREAKER_OPEN = "breaker_open"
    UNKNOWN = "unknown"


_SAME_TARGET = frozenset(
    {
        ErrorClass.RATE_LIMIT,
        ErrorClass.OVERLOADED,
        ErrorClass.SERVER_ERROR,
        ErrorClass.TIMEOUT,
        ErrorClass.CONNECTION,
        ErrorClass.MALFORMED,
        ErrorClass.BREAKER_OPEN,
    }
)
_NEXT_TARGET = _SAME_TARGET | {
    ErrorClass.TRUNCATED,
    ErrorClass.AUTH,
    ErrorClass.QUOTA,
    ErrorClass.NOT_FOUND,
    ErrorClass.CONTEXT_WINDOW,
    ErrorClass.UNSUPPORTED,
    ErrorClass.UNPRICED,
}
# The provider may have done the work, and billed it, although no usable answer came back.
_MAYBE_BILLED = frozenset(
    {
        ErrorClass.TIMEOUT,
        ErrorClass.CONNECTION,
        ErrorClass.SERVER_ERROR,
        ErrorClass.MALFORMED,
        ErrorClass.TRUNCATED,
        ErrorClass.UNKNOWN,
    }
)


class ModelFailed(AgentWorkersError):
    """A model gave no usable answer.

    `spent` is what is known to be used up all the same, by answers that could not be used;
    `cost_known` says that nothing else can have been billed. `parks_on` names the breaker or the
    quota in the way: waiting for it is nobody's failure.
    """

    def __init__(
        self,
        error_class: ErrorClass,
        message: str,
        *,
        retry_after: timedelta | None = None,
        spent: Usage = NO_USAGE,
        cost_known: bool = False,
        parks_on: str = "",
    ) -> None:
        super().__init__(message)
        self.said = message
        self.error_class = error_class
        self.code = f"model_{error_class}"
        self.retryable = error_class in _SAME_TARGET
        self.retry_after = retry_after
        self.spent = spent
        self.parks_on = parks_on
        # When nobody knows what the failed call cost, its worst case is booked.
        self.may_have_cost = error_class in _MAYBE_BILLED and not cost_known

    @property
    def next_target(self) -> bool:
        """Another model may answer the same request."""
        return self.error_class in _NEXT_TARGET

    def advising(self, remedy: str) -> "ModelFailed":
        """Add what to do, for whoever reads it in a job; `said` is without it."""
        self.args = (f"{self.said} ({remedy})",)
        return self

    def booked(self, worst_case_micro: int) -> "ModelFailed":
        """Count the one provider call that failed, at its worst case if it may have been billed."""
        cost = worst_case_micro if self.may_have_cost else 0
        self.spent += Usage(cost_micro=cost, calls=1)
        self.may_have_cost = False
        return self

    def as_broke(self, *, worst_case_micro: int) -> Broke:
        """Say it in the engine's words, with a cost that is never below the real one."""
        unknown = Usage(cost_micro=worst_case_micro if self.may_have_cost else 0)
        return Broke(
            code=self.code,
            message=str(self),
            retryable=self.retryable,
            retry_after_s=self.retry_after.total_seconds() if self.retry_after else None,
            usage=self.spent + unknown,
            parks_on=self.parks_on,
        )


class ModelUnpriced(ModelFailed):
    """The price table does not know the model, so nobody could say what the call costs."""

    def __init__(self, model: str) -> None:
        remedy = "give it `prices` in models.yaml (0 if it costs nothing)"
        super().__init__(ErrorClass.UNPRICED, f"model {model!r} has no price: {remedy}")
