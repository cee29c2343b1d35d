"""What jobs may see of their session, and looking after sessions that nobody looks after."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from agent_workers.domain.claim import Claimed
from agent_workers.domain.memory.session import (
    MOST_CHARS,
    SILENCE,
    Conversation,
    Role,
    SaidCall,
    SessionMessage,
    SessionTerms,
    Summary,
    conversation_of,
)
from agent_workers.state.database.bounds import FROM_THE_BEGINNING
from agent_workers.state.database.engine import Database

# Enough for what is shown and for what one summary takes in; a message is read no further than this.
_READ_TIMES = 5
_READ_BYTES = 4 * MOST_CHARS
_AT_ONCE = 100
_LONGEST_ESCAPE = 12
_PLACE = """
select s.version, t.turn from session_turns t
  join sessions s using (tenant_id, session_id) join jobs j using (tenant_id, job_id)
 where t.tenant_id = %s and t.job_id = %s and s.user_id = j.user_id"""
# One statement, one snapshot: the version that it names is the version that it reads.
_PAST = """
select s.version, t.turn, s.summary, m.turn, m.role, substring(m.content from 1 for %(bytes)s),
       octet_length(m.content), m.calls, m.call_id, m.job_id, m.at
  from session_turns t join sessions s using (tenant_id, session_id)
  join jobs j using (tenant_id, job_id)
  left join lateral (
    select * from (
      select *, sum(least(octet_length(content), %(bytes)s) + coalesce(octet_length(calls), 0))
                  over (order by turn desc, part desc) as read
        from session_messages where tenant_id = t.tenant_id and session_id = t.session_id
         and turn < t.turn and turn > s.summed_to order by turn desc, part desc limit %(most)s) n
     where read <= %(all_bytes)s) m on true
 where t.tenant_id = %(tenant_id)s and t.job_id = %(job_id)s and s.user_id = j.user_id
 order by m.turn, m.part"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastOf:
    """Names a past that never changes: what the jobs before this turn left, in this version."""

    version: UUID
    turn: int


class Sessions:
    def __init__(self, database: Database, terms: SessionTerms) -> None:
        self._database = database
        self._terms = terms

    @property
    def terms(self) -> SessionTerms:
        return self._terms

    def place(self, claimed: Claimed) -> PastOf | None:
        """Say which past a job has; None when its session is gone, or is another user's."""
        with self._database.connection() as connection:
            row = connection.execute(_PLACE, (claimed.tenant_id, claimed.job_id)).fetchone()
        return None if row is None else PastOf(version=row[0], turn=row[1])

    def past(self, claimed: Claimed) -> tuple[PastOf | None, Conversation]:
        """Read what the jobs before this one left, and under which name that is kept."""
        asked = {
            "tenant_id": claimed.tenant_id,
            "job_id": claimed.job_id,
            "bytes": _READ_BYTES,
            "most": self._terms.messages * _READ_TIMES,
            "all_bytes": max(_READ_BYTES, self._terms.tokens * 4 * _READ_TIMES),
        }
        with self._database.connection() as connection:
            rows = connection.execute(_PAST, asked, binary=True).fetchall()
        if not rows:
            return None, SILENCE
        version, turn, summary = rows[0][:3]
        read = conversation_of(
            [message_of(row[3:]) for row in rows if row[3] is not None],
            self._terms,
            summary=summary_of(summary),
            version=str(version),
        )
        return PastOf(version=version, turn=turn), read

    def keep(self, since: datetime | None = None) -> None:
        """Give on turns that were left, and forget sessions whose time is over.

        None is to be looked after before `since`.
        """
        arguments = (_AT_ONCE, since or FROM_THE_BEGINNING)
        with self._database.connection() as connection:
            connection.execute("select keep_sessions(%s, %s)", arguments)


# Any: columns as the SELECTs above name them.
def message_of(row: Sequence[Any]) -> SessionMessage:
    """Read the columns turn, role, content, its whole length, calls, call_id, job_id and at."""
    turn, role, content, length, calls, call_id, job_id, at = row
    said = json.loads(calls) if calls else ()
    return SessionMessage(
        turn=turn,
        role=Role(role),
        text=words_of(content, whole=length == len(content)),
        calls=tuple(SaidCall(**call) for call in said),
        call_id=call_id,
        job_id=job_id,
        at=at,
    )


def summary_of(stored: bytes | None) -> Summary | None:
    if stored is None:
        return None
    kept = json.loads(stored)
    return Summary(text=kept["summary"], first=kept["first"], last=kept["last"])


def words_of(content: bytes, *, whole: bool) -> str:
    """Say in words what was stored as JSON: the text itself, or its `message` or `goal`."""
    if not whole:
        return _cut(_begun(content.decode("utf-8", "ignore")), is_cut=True)
    try:
        said = json.loads(content)
        if isinstance(said, dict):
            said = said.get("message") or said.get("goal") or said
        return _cut(said if isinstance(said, str) else json.dumps(said, ensure_ascii=False))
    except (ValueError, RecursionError):  # too deep for our stack, or a number too long to read
        return _cut(content.decode("utf-8", "ignore"))


def _begun(text: str) -> str:
    """Read the begin of a JSON string; an escape that was cut in two is left out."""
    for end in range(len(text), len(text) - _LONGEST_ESCAPE, -1):
        try:
            return str(json.loads(f'{text[:end]}"'))
        except (ValueError, RecursionError):
            continue
    return text


def _cut(text: str, *, is_cut: bool = False) -> str:
    # Half a surrogate pair is JSON all the same, and nothing that a provider would take.
    text = text.encode("utf-8", "replace").decode()
    if len(text) > MOST_CHARS or is_cut:
        return f"{text[:MOST_CHARS]} … (cut)"
    return text
