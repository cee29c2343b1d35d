"""Sends one message to one URL, and says what came of it; never follows, never fails."""

import re
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from agent_workers.domain.outside.http import (
    HttpBounds,
    HttpRequest,
    NoAnswer,
    NotCallable,
    NotSent,
)
from agent_workers.domain.webhooks.url import reach_of
from agent_workers.domain.webhooks.webhook import Answered, Outcome, Unanswered
from agent_workers.execution.outside.calling import Caller
from agent_workers.execution.outside.connecting import Resolve, resolved

SNIPPET = 1_024
_SECONDS = re.compile(r"\d{1,9}")
_LONGEST_ERROR = 300


class Sender:
    """Knows no proxies, keeps no connections and no cookies."""

    def __init__(
        self,
        *,
        timeout_s: float,
        allow_private: bool,
        resolve: Resolve = resolved,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._call = Caller(
            reach=reach_of(allow_private=allow_private),
            context=context or ssl.create_default_context(),
            resolve=resolve,
        )
        self._bounds = HttpBounds(
            most_bytes=SNIPPET,
            within=timedelta(seconds=timeout_s),
            status_decides=True,
        )

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        request = HttpRequest(url=url, method="POST", headers=headers, body=body)
        try:
            answer = self._call(request, self._bounds)
        except (NotCallable, NotSent, NoAnswer) as error:
            return Unanswered(error=str(error).replace("\0", " ")[:_LONGEST_ERROR])
        return Answered(
            status=answer.status,
            wish=wished(answer.headers.get("retry-after"), datetime.now(UTC)),
            body=answer.body.decode("utf-8", "replace").replace("\0", "\ufffd"),
        )


def wished(value: str | None, now: datetime) -> timedelta | None:
    """Read a Retry-After: seconds or a date; anything else was not said."""
    if value is None:
        return None
    if _SECONDS.fullmatch(value.strip()):
        return timedelta(seconds=int(value))
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return max(timedelta(0), (at if at.tzinfo else at.replace(tzinfo=UTC)) - now)
