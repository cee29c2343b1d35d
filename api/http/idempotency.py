"""The idempotency key of a request, with the fingerprint of what it was first sent with."""

import hashlib
from dataclasses import dataclass

from starlette.requests import Request

from agent_workers.domain.text.encoding import canonical
from api.http.queries import idempotency_key_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed:
    """A request that is done once for its key; without a key, each time."""

    key: str | None
    fingerprint: bytes


def keyed(request: Request, route: str, body: object) -> Keyed:
    """Read the key of a request for this route, with this parsed body."""
    return Keyed(
        key=idempotency_key_of(request), fingerprint=fingerprint_of(route, canonical(body))
    )


def fingerprint_of(route: str, told: bytes) -> bytes:
    return hashlib.sha256(route.encode() + b"\n" + told).digest()
