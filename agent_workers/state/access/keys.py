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
from agent_workers.state.database.engine import Database

# Until scopes are enforced, a key may do all of this within its tenant.
ALL_SCOPES = ("jobs:read", "jobs:write", "hooks", "admin")

_ALPHABET = string.digits + string.ascii_letters
_FORM = re.compile(r"aw_live_([0-9a-z]{8})_([0-9A-Za-z]{32})([0-9A-Za-z]{6})")
_INSERT = """
insert into api_keys (tenant_id, key_id, name, secret_hash, scopes, expires_at)
values (%s, %s, %s, %s, %s::jsonb, %s) returning created_at"""
_FIND = """
select key_id, tenant_id, secret_hash, scopes::text,
       last_used_at is null or last_used_at < clock_timestamp() - interval '1 minute'
  from api_keys
 where key_id = any(%s) and revoked_at is null
   and (expires_at is null or expires_at > clock_timestamp())"""
# Written once a minute at most: a key that is used is a row that is read, not one that is hot.
# Nobody waits for whoever changes the row.
_USED = """
update api_keys set last_used_at = clock_timestamp()
 where key_id in (select key_id from api_keys where key_id = any(%s) for update skip locked)"""
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
        """Return who this token stands for."""
        [caller] = self.callers([token])
        return caller

    def callers(self, tokens: Sequence[str]) -> list[Caller | None]:
        """Return who each stands for; what cannot be a token never reaches the database."""
        parted = {token: parts for token in tokens if (parts := _parted(token)) is not None}
        if not parted:
            return [None] * len(tokens)
        callers, due = {}, []
        with self._database.connection() as connection:
            rows = connection.execute(_FIND, ([key_id for key_id, _ in parted.values()],))
            found = {row[0]: row[1:] for row in rows}
            for token, (key_id, secret) in parted.items():
                if key_id not in found:
                    continue
                tenant_id, secret_hash, scopes, is_due = found[key_id]
                if not hmac.compare_digest(secret_hash, self._hash(secret)):
                    continue
                callers[token] = Caller(
                    tenant_id=TenantId(tenant_id),
                    key_id=key_id,
                    scopes=frozenset(json.loads(scopes)),
                )
                due += [key_id] * is_due
            if due:
                connection.execute(_USED, (due,))
        return [callers.get(token) for token in tokens]

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


def _parted(token: str) -> tuple[str, str] | None:
    """Return key id and secret of what may be a token."""
    found = _FORM.fullmatch(token)
    if found is None:
        return None
    key_id, secret, checksum = found.groups()
    return (key_id, secret) if hmac.compare_digest(checksum, _checksum(key_id, secret)) else None


def _checksum(key_id: str, secret: str) -> str:
    """Tell a mistyped or made-up token apart without asking the database."""
    left = zlib.crc32(f"{key_id}_{secret}".encode())
    digits = []
    for _ in range(6):
        left, digit = divmod(left, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(digits)
