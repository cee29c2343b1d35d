"""Dead letters: messages that could not be taken, kept as they came until somebody deals with them."""

import hashlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from agent_workers.domain.ids import TenantId, time_ordered
from agent_workers.domain.triggers.message import Message
from agent_workers.state.database.engine import Connection, Database

_LONGEST_DETAIL = 2_000
# A list shows no bodies, so none are read for it; how long one is stands beside it in the row.
_LISTED = (
    "letter_id, origin, code, detail, state, times, created_at, last_at, replayed_at,"
    " left(content_type, 255), octet_length(body)"
)
_WHOLE = f"{_LISTED}, content_type, headers::text, body"
# The same message again, say by a redelivery, is the same letter; once replayed, it is dead anew.
_KEEP = """
insert into dead_letters as d (tenant_id, letter_id, digest, origin, content_type, headers, body,
                               code, detail)
values (%s, %s, %s, %s, %s, %s::jsonb, %s, %s, %s)
on conflict (tenant_id, digest) do update
   set times = d.times + 1, last_at = clock_timestamp(), code = excluded.code,
       detail = excluded.detail, replayed_at = null,
       state = case d.state when 'discarded' then 'discarded' else 'dead' end"""
_ONE = f"select {_WHOLE} from dead_letters where tenant_id = %s and letter_id = %s"
_PAGE = f"""
select {_LISTED} from dead_letters
 where tenant_id = %s and state = %s and (created_at, letter_id) > (%s::timestamptz, %s::uuid)
 order by created_at, letter_id limit %s"""
_REPLAYED = """
update dead_letters set state = 'replayed', replayed_at = clock_timestamp()
 where tenant_id = %s and letter_id = %s and state <> 'replayed' and times = %s"""
_DISCARD = """
update dead_letters set state = 'discarded', replayed_at = null
 where tenant_id = %s and letter_id = %s"""
# So many of a tenant in each state, and so many bytes of them; the newest.
MOST_LETTERS, MOST_BYTES = 10_000, 256 << 20
_FORGET = "select forget_dead_letters(%s, %s, %s)"
_FIRST: tuple[object, object] = ("-infinity", UUID(int=0))


class LetterState(StrEnum):
    DEAD = "dead"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that cannot be taken, and why."""

    message: Message
    origin: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterListed:
    """What a list shows of a letter; `size` is that of its body."""

    letter_id: UUID
    origin: str
    code: str
    detail: str
    state: LetterState
    times: int
    created_at: datetime
    last_at: datetime
    replayed_at: datetime | None
    content_type: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterSeen(LetterListed):
    """A letter with its message."""

    message: Message


class Letters:
    def __init__(self, database: Database) -> None:
        self._database = database

    def one(self, tenant_id: TenantId, letter_id: UUID) -> LetterSeen | None:
        with self._database.connection() as connection:
            row = connection.execute(_ONE, (tenant_id, letter_id), binary=True).fetchone()
        if row is None:
            return None
        *listed, content_type, headers, body = row
        message = Message(content_type=content_type, headers=json.loads(headers), body=bytes(body))
        return LetterSeen(message=message, **_members(listed))

    def page(
        self,
        tenant_id: TenantId,
        *,
        state: LetterState = LetterState.DEAD,
        limit: int = 100,
        behind: tuple[datetime, UUID] | None = None,
    ) -> list[LetterListed]:
        """A tenant's letters in this state, the oldest first."""
        place = (tenant_id, state, *(behind or _FIRST), limit)
        with self._database.connection() as connection:
            rows = connection.execute(_PAGE, place, binary=True).fetchall()
        return [LetterListed(**_members(row)) for row in rows]

    def mark_replayed(self, tenant_id: TenantId, letter_id: UUID, *, times: int) -> None:
        """It was taken, unless it has died once more since it was read."""
        with self._database.connection() as connection:
            connection.execute(_REPLAYED, (tenant_id, letter_id, times))

    def forget_oldest(
        self, *, most: int, letters: int = MOST_LETTERS, octets: int = MOST_BYTES
    ) -> int:
        """Delete some of what is too much: the oldest, of each tenant and state."""
        with self._database.connection() as connection:
            row = connection.execute(_FORGET, (most, letters, octets)).fetchone()
        return 0 if row is None else int(row[0])

    def discard(self, tenant_id: TenantId, letter_id: UUID) -> bool:
        with self._database.connection() as connection:
            return connection.execute(_DISCARD, (tenant_id, letter_id)).rowcount == 1


def digested(letters: Sequence[DeadLetter]) -> list[tuple[bytes, DeadLetter]]:
    """Return each message once, in one order, so that those who keep them never deadlock."""
    return sorted({_digest_of(one): one for one in letters}.items())


def keep(
    connection: Connection, tenant_id: TenantId, letters: Sequence[tuple[bytes, DeadLetter]]
) -> None:
    """Keep these letters; the caller's transaction."""
    for digest, letter in letters:
        message = letter.message
        letter_id = time_ordered(time.time_ns() // 1_000_000, os.urandom(10))
        connection.execute(
            _KEEP,
            (
                *(tenant_id, letter_id, digest, letter.origin),
                *(_plain(message.content_type), _headers(message), message.body),
                *(letter.code, _plain(letter.detail)[:_LONGEST_DETAIL]),
            ),
        )


def _digest_of(letter: DeadLetter) -> bytes:
    message = letter.message
    head = json.dumps([message.content_type, sorted(message.headers.items())])
    digest = hashlib.sha256(head.encode() + b"\n")
    digest.update(message.body)
    return digest.digest()


def _headers(message: Message) -> str:
    return json.dumps({_plain(name): _plain(value) for name, value in message.headers.items()})


def _plain(text: str) -> str:
    """Postgres keeps neither NUL nor half a character."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


# Any: a row of the columns of a list, as members of one.
def _members(row: Sequence[Any]) -> dict[str, Any]:
    names = (field.name for field in fields(LetterListed))
    members = dict(zip(names, row, strict=True))
    return members | {"state": LetterState(members["state"])}
