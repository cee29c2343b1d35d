"""Cursors of lists: a place in an order, signed, so that nobody makes up or carries over one."""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from uuid import UUID

from api.problems import Problem, invalid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAC = 12
_PLACE = 24


class Cursors:
    """Cursors of one list; `scope` binds them to the tenant and the filters they came from."""

    def __init__(self, pepper: str, *, listing: str) -> None:
        self._key = hashlib.sha256(f"cursor:{listing}:{pepper}".encode()).digest()

    def written(self, at: datetime, row_id: UUID, *, scope: str) -> str:
        micro = (at - _EPOCH) // timedelta(microseconds=1)
        place = micro.to_bytes(8, "big") + row_id.bytes
        return base64.urlsafe_b64encode(place + self._mac(place, scope)).decode("ascii")

    def read(self, cursor: str, *, scope: str) -> tuple[datetime, UUID]:
        try:
            whole = base64.b64decode(cursor, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise _bad_cursor() from None
        place, mac = whole[:_PLACE], whole[_PLACE:]
        if not hmac.compare_digest(mac, self._mac(place, scope)):
            raise _bad_cursor()
        micro = int.from_bytes(place[:8], "big")
        return _EPOCH + timedelta(microseconds=micro), UUID(bytes=place[8:])

    def _mac(self, place: bytes, scope: str) -> bytes:
        return hmac.new(self._key, place + scope.encode(), hashlib.sha256).digest()[:_MAC]


def _bad_cursor() -> Problem:
    return invalid(
        "The cursor is not one of this list with these filters.",
        pointer="/cursor",
        code="invalid_cursor",
    )
