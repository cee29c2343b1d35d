"""What tells our own words in Redis from those of anybody else who can write there."""

import hmac
from typing import Final

import structlog

log = structlog.get_logger(__name__)

_BYTES: Final = 32


class Seal:
    """Signs for one purpose, under a key that only our processes can derive from the pepper."""

    def __init__(self, pepper: str, *, purpose: str) -> None:
        self._purpose = purpose
        self._key = hmac.digest(pepper.encode(), b"sealed in Redis: " + purpose.encode(), "sha256")
        # Everybody can derive a key from nothing.
        self.can_sign = bool(pepper)

    def signed(self, place: str, value: bytes) -> bytes:
        """Put a signature before the value that is good in this place only."""
        return self._signature(place, value) + value

    def opened(self, place: str, written: object) -> bytes | None:
        """Give the value, or nothing: what we did not write for this place is not there."""
        if written is None or not self.can_sign:
            return None
        if isinstance(written, bytes):
            signature, value = written[:_BYTES], written[_BYTES:]
            if hmac.compare_digest(signature, self._signature(place, value)):
                return value
        log.warning("not_our_words_in_redis", purpose=self._purpose, place=place[:200])
        return None

    def _signature(self, place: str, value: bytes) -> bytes:
        where = place.encode()
        # With its length, so that no part of the place can be taken for a part of the value.
        return hmac.digest(self._key, b"%d:%b%b" % (len(where), where, value), "sha256")
