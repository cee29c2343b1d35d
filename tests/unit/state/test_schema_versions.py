"""A process waits for a schema that is too old, and works with one that a newer release made."""

import pytest

from agent_workers.state.database.schema import lacking, migration_order


def test_the_migrations_of_this_release_are_found_in_their_order() -> None:
    order = migration_order()
    assert order[0] == "0001"
    assert list(order) == sorted(order)


@pytest.mark.parametrize("stands_at", ["0002", "0003"])
def test_the_newest_schema_that_it_knows_and_a_newer_one_will_do(stands_at: str) -> None:
    assert lacking(stands_at, ["0001", "0002"]) is None


def test_an_older_schema_lacks_a_migration() -> None:
    assert lacking("0001", ["0001", "0002"]) == (
        "at 0001, but 0002 is needed: run `agent-workers migrate`"
    )


def test_a_database_without_a_schema_lacks_everything() -> None:
    assert lacking(None, ["0001"]) == "never migrated: run `agent-workers migrate`"
