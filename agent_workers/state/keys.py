"""API keys: made once, shown once, kept only as keyed hashes."""

import hashlib
import hmac
import json
import re
import secrets
import string
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from agent_workers.domain.ids import TenantId
from agent_workers.state.engine import Database

# Until scopes are enforced, a key may do all of this within its tenant.
ALL_SCOPES = ("jobs:read", "jobs:write", "hooks", "admin")

_ALPHABET = string.digits + string.ascii_letters
_FORM = re.compile(r"aw_live_([0-9a-z]{8})_([0-9A-Za-z]{32})([0-9A-Za-z]{6})")
_INSERT = """
insert into api_keys (tenant_id, key_id, name, secret_hash, scopes, expires_at)
values (%s, %s, %s, %s, %s::jsonb, %s) returning created_at"""
_FIND = """
select tenant_id, secret_hash, scopes::text from api_keys
 where key_id = %s and revoked_at is null
   and (expires_at is null or expires_at > clock_timestamp())"""
# Written once a minute at most: a key that is used is a row that is read, not one that is hot.
_USED = """
update api_keys set last_used_at = clock_timestamp()
 where key_id = %s and (last_used_at is null
                        or last_used_at < clock_timestamp() - interval '1 minute')"""
_LIST = """
select key_id, name, scopes::text, created_at, expires_at, revoked_at, last_used_at
  from api_keys where tenant_id = %s order by created_at, key_id"""
_REVOKE = """
update api_keys set revoked_at = coalesce(revoked_at, clock_timestamp())
 where tenant_id = %s and key_id = %s"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is calling: everything that may differ between two requests with different keys."""

    tenant_id: TenantId
    key_id: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key at the only moment at which its token is known."""

    key_id: str
    token: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySeen:
    key_id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class Keys:
    def __init__(self, database: Database, *, pepper: str) -> None:
        self._database = database
        self._pepper = pepper.encode()

    def create(
        self,
        tenant_id: TenantId,
        *,
        name: str = "",
        scopes: Sequence[str] = ALL_SCOPES,
        expires_at: datetime | None = None,
    ) -> NewKey:
        key_id = "".join(secrets.choice(string.digits + string.ascii_lowercase) for _ in range(8))
        secret = "".join(secrets.choice(_ALPHABET) for _ in range(32))
        row = (tenant_id, key_id, name, self._hash(secret), json.dumps(list(scopes)), expires_at)
        with self._database.connection() as connection:
            made = connection.execute(_INSERT, row).fetchone()
        assert made is not None
        token = f"aw_live_{key_id}_{secret}{_checksum(key_id, secret)}"
        return NewKey(key_id=key_id, token=token, created_at=made[0])

    def caller(self, token: str) -> Caller | None:
        """Return who this token stands for; what cannot be a token never reaches the database."""
        found = _FORM.fullmatch(token)
        if found is None:
            return None
        key_id, secret, checksum = found.groups()
        if not hmac.compare_digest(checksum, _checksum(key_id, secret)):
            return None
        with self._database.connection() as connection:
            row = connection.execute(_FIND, (key_id,)).fetchone()
            if row is None or not hmac.compare_digest(row[1], self._hash(secret)):
                return None
            connection.execute(_USED, (key_id,))
        return Caller(
            tenant_id=TenantId(row[0]), key_id=key_id, scopes=frozenset(json.loads(row[2]))
        )

    def all(self, tenant_id: TenantId) -> list[KeySeen]:
        with self._database.connection() as connection:
            rows = connection.execute(_LIST, (tenant_id,)).fetchall()
        return [
            KeySeen(
                key_id=key_id,
                name=name,
                scopes=tuple(json.loads(scopes)),
                created_at=created_at,
                expires_at=expires_at,
                revoked_at=revoked_at,
                last_used_at=last_used_at,
            )
            for key_id, name, scopes, created_at, expires_at, revoked_at, last_used_at in rows
        ]

    def revoke(self, tenant_id: TenantId, key_id: str) -> bool:
        """End a key; false when the tenant has no such key."""
        with self._database.connection() as connection:
            return connection.execute(_REVOKE, (tenant_id, key_id)).rowcount == 1

    def _hash(self, secret: str) -> bytes:
        return hmac.new(self._pepper, secret.encode(), hashlib.sha256).digest()


def _checksum(key_id: str, secret: str) -> str:
    """Tell a mistyped or made-up token apart without asking the database."""
    left = zlib.crc32(f"{key_id}_{secret}".encode())
    digits = []
    for _ in range(6):
        left, digit = divmod(left, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(digits)
