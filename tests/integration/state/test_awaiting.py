"""A program that is started before Postgres, or before our schema, waits for it, and not for ever."""

import pytest
from sqlalchemy.engine import make_url
from structlog.testing import capture_logs

from agent_workers.domain.running.exits import Away, WronglyTold
from agent_workers.local.migrations import upgrade
from agent_workers.state.awaiting import await_database
from agent_workers.state.database.schema import migration_order

_NOBODY = "postgresql://me:hunter2@127.0.0.1:1/agent"


class Time:
    """A clock that only goes on while somebody sleeps."""

    now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def clock(self) -> float:
        return self.now


def test_a_database_that_stays_away_is_said_every_few_seconds_and_then_given_up() -> None:
    time = Time()
    with capture_logs() as logs, pytest.raises(Away, match=r"127\.0\.0\.1:1/agent .*is it running"):
        await_database(_NOBODY, patience_s=12, sleep=time.sleep, clock=time.clock)
    assert [entry["for_another_s"] for entry in logs] == [12, 7, 2]
    assert "hunter2" not in str(logs)


def test_whoever_waits_for_the_schema_goes_on_when_it_is_there(empty_database_url: str) -> None:
    order = migration_order()
    with pytest.raises(Away, match="never migrated: run `agent-workers migrate`"):
        await_database(empty_database_url, patience_s=0, schema=order)
    await_database(
        empty_database_url, patience_s=60, schema=order, sleep=lambda _: upgrade(empty_database_url)
    )


def test_a_login_that_is_refused_is_not_waited_for(empty_database_url: str) -> None:
    wrong = (
        make_url(empty_database_url).set(password="hunter2").render_as_string(hide_password=False)
    )
    with pytest.raises(WronglyTold, match=r"refuses the login .*AGENT_DATABASE_URL"):
        await_database(wrong, patience_s=60)
