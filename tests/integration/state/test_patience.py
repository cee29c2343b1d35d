"""Who waits for a lock outlasts a holder that froze with it."""

import re

from agent_workers.state.database.engine import Database


def test_a_lock_is_waited_for_longer_than_a_frozen_holder_may_keep_it(database: Database) -> None:
    def milliseconds(name: str) -> int:
        with database.connection() as connection:
            row = connection.execute(f"show {name}").fetchone()
        assert row is not None
        read = re.fullmatch(r"(\d+)(ms|s)", row[0])
        assert read is not None
        number, unit = read.groups()
        return int(number) * {"ms": 1, "s": 1000}[unit]

    frozen = milliseconds("idle_in_transaction_session_timeout")
    assert milliseconds("lock_timeout") >= frozen + 2000
