"""What calling the API can end with, beside a result."""

from collections.abc import Mapping
from typing import Any


class ClientError(Exception):
    """The root of every error that the client raises."""


class Unreachable(ClientError):
    """No reply came. A submission without an idempotency key may or may not have been stored."""


class Refused(ClientError):
    """The API said no; `code` says why, and `retryable` whether the same call may work later."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        known = f"{status} {problem.get('code')}: {problem.get('detail')}"
        strange = f"{status}, but the reply is not from this API: check the URL"
        super().__init__(known if problem.get("code") else strange)
        self.status = status
        self.problem = problem
        self.code = str(problem.get("code", ""))
        self.retryable = bool(problem.get("retryable"))
        self.request_id = problem.get("request_id")


class WaitedInVain(ClientError):
    """The job has not ended within the time that the caller gave it."""
