"""The pool: when every connection is out for too long, Postgres counts as away."""

import pytest

from agent_workers.domain.errors import StateUnavailable
from agent_workers.state.database.engine import Database


def test_a_pool_that_stays_empty_says_that_the_state_is_unavailable(database: Database) -> None:
    small = Database(database.url, pool_size=1, patience_s=0.1)
    try:
        with (
            small.connection(),
            pytest.raises(StateUnavailable, match="timeout"),
            small.connection(),
        ):
            pass
    finally:
        small.close()
