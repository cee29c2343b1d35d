"""What was said before in a job's session: from the copy in Redis, or from the database."""

from datetime import datetime, timedelta

from agent_workers.domain.claim import Claimed
from agent_workers.domain.memory.session import SILENCE, Conversation
from agent_workers.state.sessions.rows import PastOf, Sessions
from agent_workers.transport.shared.model_redis import AwayOrNot
from agent_workers.transport.shared.session_copies import SessionCopies


class Conversations:
    """Asks the database which past a job has, and for the past itself if there is no copy.

    A copy cannot be stale: its name says the version of the session and the turn, and what came
    before a turn is over when the turn comes. What a skipped job says later changes the version.
    """

    def __init__(self, sessions: Sessions, copies: SessionCopies | None) -> None:
        self._sessions = sessions
        self._copies = copies

    def __call__(self, claimed: Claimed) -> Conversation:
        """Return what the job may see."""
        if self._copies is None:
            return self._sessions.past(claimed)[1]
        place = self._sessions.place(claimed)
        if place is None:
            return SILENCE
        copy = self._copies.find(self._name(claimed, place))
        if copy is not None:
            return copy
        read, past = self._sessions.past(claimed)
        if read is not None:
            self._copies.keep(self._name(claimed, read), past)
        return past

    def keep(self, since: datetime | None = None) -> None:
        """Look after the sessions that nobody looks after, none of them due before `since`."""
        self._sessions.keep(since)

    def _name(self, claimed: Claimed, place: PastOf) -> str:
        terms = self._sessions.terms
        of = f"{claimed.tenant_id} {claimed.job_id} {place.version} {place.turn}"
        return f"{of} {terms.messages} {terms.tokens}"


def conversations(
    sessions: Sessions, *, redis_url: str, pepper: str, kept_for: timedelta
) -> Conversations:
    """Return the conversations of this process; without Redis there are no copies."""
    if not redis_url:
        return Conversations(sessions, None)
    copies = SessionCopies(AwayOrNot(redis_url), pepper=pepper, kept_for=kept_for)
    return Conversations(sessions, copies)
