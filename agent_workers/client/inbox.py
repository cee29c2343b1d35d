"""Receives webhooks: checks who says it, when, and whether it was said before."""

import base64
import binascii
import hashlib
import hmac
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from agent_workers.client.errors import ClientError

_PREFIX = "whsec_"
_TOLERANCE_S = 300
_REMEMBERED = 10_000


class NotOurs(ClientError):
    """This message is not signed with the secret, is too old, or is no message at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """A message that can be trusted; `id` is the same however often it is delivered."""

    id: str
    type: str
    # Any: JSON of the event's own shape.
    data: dict[str, Any]
    raw: dict[str, Any]


class Seen(Protocol):
    """Remembers ids; put one on your database to survive restarts and share it between processes."""

    def __contains__(self, message_id: str) -> bool: ...

    def add(self, message_id: str) -> None: ...


class SeenHere:
    """Remembers the newest ids of this process."""

    def __init__(self, *, most: int = _REMEMBERED) -> None:
        self._most = most
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, message_id: str) -> bool:
        return message_id in self._ids

    def add(self, message_id: str) -> None:
        with self._lock:
            self._ids[message_id] = None
            while len(self._ids) > self._most:
                self._ids.popitem(last=False)


class Inbox:
    """Give it the secret, or while they rotate both of them."""

    def __init__(
        self,
        *secrets: str,
        seen: Seen | None = None,
        tolerance_s: float = _TOLERANCE_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not secrets:
            raise ClientError("an inbox needs the secret of the webhook endpoint")
        self._secrets = [_decoded(secret) for secret in secrets]
        self._seen = SeenHere() if seen is None else seen
        self._tolerance_s = tolerance_s
        self._clock = clock

    @contextmanager
    def taking(self, headers: Mapping[str, str], body: bytes) -> Iterator[WebhookEvent | None]:
        """Yield a new event, or None for one that was taken before.

        It counts as taken when the block ends without an error: one that fails is delivered again.
        """
        event = self.verify(headers, body)
        if event.id in self._seen:
            yield None
            return
        yield event
        self._seen.add(event.id)

    def verify(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        """Return the event, or raise NotOurs; `body` must be the bytes exactly as they came."""
        named = {name.lower(): value for name, value in headers.items()}
        try:
            message_id, at = named["webhook-id"], named["webhook-timestamp"]
            given = named["webhook-signature"]
        except KeyError as error:
            raise NotOurs(f"the header {error.args[0]!r} is missing") from None
        if not (at.isascii() and at.isdigit()):
            raise NotOurs("the header 'webhook-timestamp' is not a number")
        if abs(self._clock() - int(at[:15])) > self._tolerance_s:
            raise NotOurs("the message is too old, or from the future")
        signed = f"{message_id}.{at}.".encode() + body
        if not any(_is_signed(secret, signed, given.split()) for secret in self._secrets):
            raise NotOurs("no signature was made with this secret")
        return _event(message_id, body)


def _is_signed(secret: bytes, signed: bytes, given: Sequence[str]) -> bool:
    wanted = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest())
    return any(
        hmac.compare_digest(wanted, one[3:].encode("utf-8", "replace"))
        for one in given
        if one.startswith("v1,")
    )


def _event(message_id: str, body: bytes) -> WebhookEvent:
    try:
        raw = json.loads(body)
    except ValueError:
        raise NotOurs("the body is not JSON") from None
    if not isinstance(raw, dict):
        raise NotOurs("the body is not an event: it is not a JSON object")
    return WebhookEvent(
        id=message_id, type=str(raw.get("type", "")), data=raw.get("data") or {}, raw=raw
    )


def _decoded(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ClientError("the secret is not valid: it is base64, usually after whsec_") from None
