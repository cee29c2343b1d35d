"""Exceptions of users' code as failed attempts: which of them are worth another."""

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.step import Broke

# Mistakes in code or data: the next attempt would make them again.
_MISTAKES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    NotImplementedError,
    TypeError,
    ValueError,
)
_LONGEST = 2_000


def broke_of(error: Exception, *, retryable: bool | None = None) -> Broke:
    """Describe an exception; unless it is said, its type says whether trying again makes sense."""
    return Broke(
        code=error.code if isinstance(error, AgentWorkersError) else _code(error),
        message=f"{type(error).__name__}: {error}"[:_LONGEST],
        retryable=_is_retryable(error) if retryable is None else retryable,
    )


def _is_retryable(error: Exception) -> bool:
    if isinstance(error, AgentWorkersError):
        return error.retryable
    return not isinstance(error, _MISTAKES)


def _code(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    return "connection" if isinstance(error, OSError) else "exception"
