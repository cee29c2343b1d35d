"""Asks the database of a test whether its rows agree with each other when the test ends."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import pytest

from agent_workers.domain.errors import StateUnavailable
from agent_workers.state.database.engine import Database
from agent_workers.state.proving.invariants import INVARIANTS, Violation, told, violations

_IS_MIGRATED = "select exists (select from pg_class where relname = 'jobs' and relkind = 'r')"


@dataclass(slots=True)
class Soundness:
    """One database; what an earlier test left broken is held against that test alone."""

    database: Database
    known: set[Violation] = field(default_factory=set)

    def news(self) -> list[Violation]:
        """Return what does not hold and was not known yet."""
        found = [one for one in self._violations() if one not in self.known]
        self.known.update(found)
        return found

    def _violations(self) -> list[Violation]:
        try:
            return self._asked()
        except StateUnavailable:
            return self._asked()  # the test had restarted the server

    def _asked(self) -> list[Violation]:
        with self.database.connection() as connection:
            row = connection.execute(_IS_MIGRATED).fetchone()
        return violations(self.database) if row == (True,) else []


@contextmanager
def soundness_of(url: str) -> Iterator[Soundness]:
    with closing(Database(url, pool_size=1, name="agent_workers soundness")) as database:
        yield Soundness(database)


def check(request: pytest.FixtureRequest, soundness: Soundness) -> None:
    """Fail a test whose rows do not agree, unless `breaks_rows` says which ones it broke."""
    found = soundness.news()
    for marker in request.node.iter_markers("breaks_rows"):
        reason, *invariants = marker.args
        assert reason, "breaks_rows needs a reason"
        assert set(invariants) <= set(INVARIANTS), "breaks_rows names an invariant that is none"
        found = [one for one in found if invariants and one.invariant not in invariants]
    assert not found, told(found)
