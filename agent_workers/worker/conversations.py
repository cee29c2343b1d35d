"""What was said before in a job's session: from the copy in Redis, or from the database."""

from datetime import timedelta

from agent_workers.domain.claim import Claimed
from agent_workers.domain.session import SILENCE, Conversation, SessionTerms
from agent_workers.settings import Settings
from agent_workers.state.engine import Database
from agent_workers.state.sessions import PastOf, Sessions
from agent_workers.transport.model_redis import AwayOrNot
from agent_workers.transport.session_copies import SessionCopies


class Conversations:
    """Asks the database which past a job has, and for the past itself if there is no copy.

    A copy cannot be stale: its name says the version of the session and the turn, and what came
    before a turn is over when the turn comes.
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

    def _name(self, claimed: Claimed, place: PastOf) -> str:
        terms = self._sessions.terms
        return f"{claimed.job_id} {place.version} {place.turn} {terms.messages} {terms.tokens}"


def session_terms(settings: Settings) -> SessionTerms:
    return SessionTerms(messages=settings.session_messages, tokens=settings.session_tokens)


def conversations(settings: Settings, database: Database) -> tuple[Conversations, Sessions]:
    """Return the conversations of this process, and what looks after all sessions."""
    sessions = Sessions(database, session_terms(settings))
    copies = None
    if settings.redis_url:
        away_or_not = AwayOrNot(settings.redis_url)
        copies = SessionCopies(away_or_not, kept_for=timedelta(seconds=settings.session_ttl_s))
    return Conversations(sessions, copies), sessions
