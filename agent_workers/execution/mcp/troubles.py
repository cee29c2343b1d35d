"""What can go wrong between us and a server: by name, and whether a call may have been heard."""

from typing import Final

from agent_workers.domain.errors import AgentWorkersError

_LONGEST: Final = 500
# JSON-RPC: the message was not taken for a call at all.
_NOT_TAKEN: Final = frozenset({-32700, -32600, -32601, -32602})


class Trouble(AgentWorkersError):
    """The root of what a server can do to us; `was_sent`: it may have heard the call."""

    code = "mcp_trouble"
    retryable = True

    def __init__(self, message: str, *, was_sent: bool = False) -> None:
        super().__init__(message[:_LONGEST])
        self.was_sent = was_sent


class Unreachable(Trouble):
    """It cannot be started or connected to, or it does not speak the protocol."""

    code = "mcp_unreachable"


class Died(Trouble):
    """It ended, or closed the connection, before it answered."""

    code = "mcp_died"


class Hung(Trouble):
    """It did not answer in time."""

    code = "mcp_timeout"


class TooMuch(Trouble):
    """It said more than a message may hold; it was not read any further."""

    code = "mcp_too_much"
    retryable = False


class Garbled(Trouble):
    """What it said is no message of the protocol."""

    code = "mcp_garbled"
    retryable = False


class TurnedAway(Trouble):
    """It answered with an error of the protocol instead of a result."""

    code = "mcp_refused"
    retryable = False

    def __init__(self, number: int, message: str) -> None:
        super().__init__(f"{message} ({number})", was_sent=number not in _NOT_TAKEN)
        self.number = number


class Changed(Trouble):
    """It offers something else than what was approved: its next session may be as before."""

    code = "mcp_changed"
    retryable = False
