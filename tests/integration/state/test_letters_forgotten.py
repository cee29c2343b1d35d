"""Dead letters are not kept without end: the oldest go, of each tenant and state for itself."""

from uuid import UUID

import pytest

from agent_workers.domain.ids import TenantId
from agent_workers.state.triggers.dead_letters import Letters
from tests.integration.state.world import World

_KEEP = """
insert into dead_letters (tenant_id, letter_id, digest, origin, content_type, headers, body, code,
                          detail, state, created_at)
select %s, gen_random_uuid(), int4send(n), '', '', '{}', repeat('x', 1000)::bytea, '', '', %s,
       clock_timestamp() + n * interval '1 second'
  from generate_series(1, %s) n"""


@pytest.fixture(autouse=True)
def _none_of_others(world: World) -> None:
    world.one("delete from dead_letters")


def keep(world: World, letters: int, *, of: TenantId | None = None, state: str = "dead") -> None:
    world.one(_KEEP, of or world.tenant, state, letters)


def kept(world: World, of: TenantId | None = None) -> list[UUID]:
    return [one.letter_id for one in Letters(world.database).page(of or world.tenant)]


def test_the_oldest_go_when_there_are_too_many(world: World) -> None:
    keep(world, 5)
    before = kept(world)
    assert Letters(world.database).forget_oldest(most=100, letters=3) == 2
    assert kept(world) == before[2:]


def test_they_go_when_they_are_too_large_together(world: World) -> None:
    keep(world, 5)
    before = kept(world)
    assert Letters(world.database).forget_oldest(most=100, octets=2_500) == 3
    assert kept(world) == before[3:]


def test_letters_of_another_tenant_or_state_take_no_place(world: World) -> None:
    other = TenantId(f"{world.tenant}-other")
    keep(world, 3)
    keep(world, 3, of=other)
    world.one(
        "update dead_letters set digest = digest || '\\xff' where tenant_id = %s", world.tenant
    )
    keep(world, 4, state="discarded")
    assert Letters(world.database).forget_oldest(most=100, letters=3) == 1
    assert (len(kept(world)), len(kept(world, other))) == (3, 3)


def test_they_go_a_few_at_a_time(world: World) -> None:
    keep(world, 5)
    gone = [Letters(world.database).forget_oldest(most=2, letters=2) for _ in range(3)]
    assert gone == [2, 1, 0]
