"""Trying what the database must refuse, and reading what it said."""

import psycopg
import pytest

from tests.integration.state.world import World

TRIGGER, CHECK, UNIQUE, FOREIGN = "AW002", "23514", "23505", "23503"


def refused(world: World, sql: str, *values: object) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as caught:
        world.one(sql, *values)
    return caught.value


def expect(error: psycopg.Error, code: str, words: str) -> None:
    assert (error.sqlstate, words in str(error)) == (code, True), str(error)


def change(world: World, table: str, change: str, where: str, *values: object) -> psycopg.Error:
    return refused(world, f"update {table} set {change} where {where}", *values)
