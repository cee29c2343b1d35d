"""Versions that are made known at the same time: counted without a gap, and never two under one name."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from agent_workers.domain.agents.version import EVERYBODY, NewVersion, Source
from agent_workers.domain.ids import TenantId
from agent_workers.state.catalogue.agent_versions import AgentVersions, Kept
from agent_workers.state.catalogue.agents import Agents
from agent_workers.state.database.engine import Database

AT_ONCE = 8


def version(name: str, description: str, *, declared: str = "") -> NewVersion:
    return NewVersion(
        name=name,
        declared=declared,
        definition={"name": name, "description": description},
        source=Source.YAML,
        plan_timeout_ms=1_000,
    )


def together(apply: Callable[[int], Kept]) -> list[Kept]:
    barrier = Barrier(AT_ONCE)

    def one(number: int) -> Kept:
        barrier.wait()
        return apply(number)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(AT_ONCE)))


def test_different_definitions_become_different_versions(database: Database, tenant: TenantId):
    def apply(number: int) -> Kept:
        new = version("writer", f"number {number}")
        return Agents(database).apply([new], tenant_id=tenant, by="")[0]

    numbers = [int(kept.version) for kept in together(apply)]
    assert sorted(numbers) == list(range(1, AT_ONCE + 1))
    for number, counted in enumerate(numbers):
        kept = AgentVersions(database).fetch(tenant, "writer", str(counted))
        assert kept is not None
        assert kept.definition["description"] == f"number {number}"


def test_the_same_definition_becomes_one_version(database: Database, tenant: TenantId):
    def apply(_: int) -> Kept:
        return Agents(database).apply([version("writer", "same")], tenant_id=tenant, by="")[0]

    kept = together(apply)
    assert {one.version for one in kept} == {"1"}
    assert [one.is_new for one in kept].count(True) == 1


def test_files_that_name_agents_in_another_order_do_not_wait_for_each_other_for_ever(
    database: Database, tenant: TenantId
):
    names = ["a", "b", "c"]

    def apply(number: int) -> Kept:
        order: Sequence[str] = names if number % 2 else names[::-1]
        new = [version(name, f"number {number}") for name in order]
        return Agents(database).apply(new, tenant_id=tenant, by="")[0]

    assert len(together(apply)) == AT_ONCE


def test_everybody_s_numbers_go_on_behind_those_of_tenants(database: Database, tenant: TenantId):
    agents = Agents(database)
    own = [agents.apply([version("shared", f"{n}")], tenant_id=tenant, by="")[0] for n in (1, 2)]
    [everybody] = agents.apply([version("shared", "3")], tenant_id=EVERYBODY, by="")
    assert [one.version for one in (*own, everybody)] == ["1", "2", "3"]
