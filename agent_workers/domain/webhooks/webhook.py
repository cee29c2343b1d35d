"""Webhooks: what may be announced, when to try again, and the signature that proves who says it."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from agent_workers.domain.ids import TenantId

# How long after the failure of the first try, the second, and so on: 75 hours in all.
DELAYS = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
# Retries that failed together do not come back together.
_SPREAD = 0.1
_LONGEST_WISH = timedelta(hours=24)
_THROTTLED_FOR = timedelta(seconds=60)
# An endpoint that has answered nothing but failures for so long is disabled.
PATIENCE = timedelta(days=5)
# 24 bytes are 32 characters of base64: some verifiers fail on padding.
_SECRET_BYTES = 24
SECRET_PREFIX = "whsec_"  # noqa: S105 (what tells a secret, and no secret)
PROJECT = "project"

_SUCCESSES = range(200, 300)
_REDIRECTS = range(300, 400)
_GONE = 410
_THROTTLES = frozenset({429, 502, 503, 504})


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The receiver said something; `wish` is its Retry-After."""

    status: int
    wish: timedelta | None = None
    body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """Nothing came back, or nothing that is an answer."""

    error: str


Outcome = Answered | Unanswered


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """Try once more; the whole target is left alone for `pause`."""

    delay: timedelta
    pause: timedelta
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Disabled:
    """The receiver wants nothing any more, ever."""

    why: str


After = Delivered | Again | GivenUp | Disabled


def after(outcome: Outcome, *, tries: int, chance: float) -> After:
    """Say what follows from an attempt; `tries` counts those before it, `chance` is in [0, 1)."""
    match outcome:
        case Answered(status=status) if status in _SUCCESSES:
            return Delivered()
        case Answered(status=status) if status == _GONE:
            return Disabled(why="the receiver answered 410 Gone")
        case Answered(status=status, wish=wish):
            redirect = ": redirects are not followed" if status in _REDIRECTS else ""
            throttles = status in _THROTTLES
            return _again(f"answered {status}{redirect}", tries, chance, wish, throttles=throttles)
        case Unanswered(error=error):
            return _again(error, tries, chance, None, throttles=False)


def _again(
    why: str, tries: int, chance: float, wish: timedelta | None, *, throttles: bool
) -> Again | GivenUp:
    if tries >= len(DELAYS):
        return GivenUp(why=why)
    delay = DELAYS[tries] * (1 + _SPREAD * chance)
    pause = timedelta(0)
    if wish is not None:
        pause = min(wish, _LONGEST_WISH)
    elif throttles:
        pause = min(_THROTTLED_FOR, delay)
    return Again(delay=max(delay, pause), pause=pause, why=why)


def secret_of(pepper: str, tenant_id: TenantId, holder: str, version: int) -> bytes:
    """Derive a signing secret; none is stored, so none can be read out of a database."""
    named = "\n".join(("webhook", tenant_id, holder, str(version))).encode()
    return hmac.new(pepper.encode(), named, hashlib.sha256).digest()[:_SECRET_BYTES]


def holder_of(endpoint_id: UUID | None) -> str:
    """Name what a secret belongs to: an endpoint, or the project for callbacks of single jobs."""
    return PROJECT if endpoint_id is None else endpoint_id.hex


def shown_secret(secret: bytes) -> str:
    return SECRET_PREFIX + base64.b64encode(secret).decode("ascii")


def signature(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Sign exactly these bytes, as Standard Webhooks says."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode("ascii")
