"""What the database itself refuses of sessions, whoever asks it."""

import pytest

from tests.integration.state.refusing import CHECK, TRIGGER, UNIQUE, expect, refused
from tests.integration.state.world import FINISH, World

_MINE = " where tenant_id = %s and job_id = %s"


def test_a_turn_comes_once_and_in_its_order(world: World) -> None:
    first, second = world.submit(session="s"), world.submit(session="s")
    turns = "update session_turns set "
    expect(
        refused(world, turns + "state = 'now'" + _MINE, world.tenant, second),
        *(TRIGGER, "another job comes first"),
    )
    expect(
        refused(world, turns + "state = 'waiting'" + _MINE, world.tenant, first),
        *(TRIGGER, "a turn comes once"),
    )
    expect(
        refused(world, turns + "turn = 9" + _MINE, world.tenant, second),
        *(TRIGGER, "never changes"),
    )
    world.one(turns + "state = 'skipped'" + _MINE, world.tenant, first)
    expect(
        refused(world, turns + "state = 'now'" + _MINE, world.tenant, first),
        *(TRIGGER, "a turn comes once"),
    )
    world.record(world.claim(first), FINISH)
    expect(
        refused(world, turns + "state = 'now'" + _MINE, world.tenant, first),
        *(TRIGGER, "a turn comes once"),
    )
    world.one("alter table session_turns disable trigger session_turns_guard")
    try:
        again = turns + "state = 'now'" + _MINE
        expect(refused(world, again, world.tenant, first), UNIQUE, "session_turns_now_idx")
    finally:
        world.one("alter table session_turns enable trigger session_turns_guard")


def test_what_was_said_never_changes(world: World) -> None:
    job = world.submit(session="s")
    said = "update session_messages set content = '2'" + _MINE
    expect(refused(world, said, world.tenant, job), TRIGGER, "what was said never changes")


@pytest.mark.parametrize(
    ("message", "constraint"),
    [
        ("'system', '1', null, ''", "role"),
        ("'user', '1', '[]', ''", "calls"),
        ("'tool', '1', null, ''", "call_id"),
        ("'user', '1', null, 'c'", "call_id"),
    ],
)
def test_a_message_fits_its_role(world: World, message: str, constraint: str) -> None:
    sql = f"select add_message(%s, 's', null, null, gen_random_uuid(), {message})"
    expect(refused(world, sql, world.tenant), CHECK, f"session_messages_{constraint}_check")
