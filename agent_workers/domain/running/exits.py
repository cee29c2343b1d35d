"""What the exit code of a program says: whether starting it again can help."""

from agent_workers.domain.errors import AgentWorkersError, Misdeclared

# A setting, an option or code of the user: somebody has to change it first.
WRONG = 2
# Something that it needs is away, or it had gone deaf (EX_TEMPFAIL of sysexits.h): try again.
AWAY = 75


class NotStarted(AgentWorkersError):
    """A program cannot do its work as it was told to."""

    code = "not_started"


class Away(NotStarted):
    """Something that a program needs cannot be had at present."""

    code = "away"
    retryable = True


class WronglyTold(NotStarted):
    """What a program was told about something cannot be right."""

    code = "wrongly_told"
    exit_code = WRONG


def exit_code_of(error: AgentWorkersError) -> int:
    """Return the code that a program ends with when nothing else follows from this error."""
    own: int | None = getattr(error, "exit_code", None)
    if own is not None:
        return own
    if error.retryable:
        return AWAY
    return WRONG if isinstance(error, Misdeclared) else 1
