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
_TIME = 8


class Cursors:
    """Cursors of one list; `scope` binds them to the tenant and the filters they came from."""

    def __init__(self, pepper: str, *, listing: str) -> None:
        self._key = hashlib.sha256(f"cursor:{listing}:{pepper}".encode()).digest()

    def written(self, at: datetime, row_id: UUID, *, scope: str) -> str:
        return self.written_named(at, row_id.bytes, scope=scope)

    def read(self, cursor: str, *, scope: str) -> tuple[datetime, UUID]:
        at, row_id = self.read_named(cursor, scope=scope)
        return at, UUID(bytes=row_id)

    def written_named(self, at: datetime, name: bytes, *, scope: str) -> str:
        """Write the place of a row that has a name instead of an id."""
        micro = (at - _EPOCH) // timedelta(microseconds=1)
        place = micro.to_bytes(_TIME, "big") + name
        return base64.urlsafe_b64encode(self._mac(place, scope) + place).decode("ascii")

    def read_named(self, cursor: str, *, scope: str) -> tuple[datetime, bytes]:
        try:
            whole = base64.b64decode(cursor, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise _bad_cursor() from None
        mac, place = whole[:_MAC], whole[_MAC:]
        if not hmac.compare_digest(mac, self._mac(place, scope)):
            raise _bad_cursor()
        micro = int.from_bytes(place[:_TIME], "big")
        return _EPOCH + timedelta(microseconds=micro), place[_TIME:]

    def _mac(self, place: bytes, scope: str) -> bytes:
        bound = scope.encode() + b"\0" + place
        return hmac.new(self._key, bound, hashlib.sha256).digest()[:_MAC]


def _bad_cursor() -> Problem:
    return invalid(
        "The cursor does not belong to this list with these filters.",
        pointer="/cursor",
        code="invalid_cursor",
    )
