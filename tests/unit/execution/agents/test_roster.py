"""The roster: a version is asked for once, and never again by this process."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agent_workers.domain.agents.version import KeptVersion, Source
from agent_workers.domain.claim import Claimed
from agent_workers.domain.ids import TenantId
from agent_workers.execution.agents.registry import Registry, load
from agent_workers.execution.agents.roster import Roster, Unserved
from tests.unit.orchestration.agents import claimed

TENANT = TenantId("acme")
DEMO = load(["agent_workers.demo.agents"])
KEPT = KeptVersion(
    tenant_id=TENANT,
    name="writer",
    version="2",
    declared=False,
    digest="",
    definition={"name": "writer", "model": "m", "tools": [{"name": "refund"}]},
    source=Source.YAML,
    created_by="",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)


class Shelf:
    """Keeps versions by tenant, and counts how often it is asked."""

    def __init__(self, *kept: KeptVersion) -> None:
        self.kept = {(TENANT, one.name, one.version): one for one in kept}
        self.asked = 0

    def fetch(self, tenant_id: TenantId, name: str, version: str) -> KeptVersion | None:
        self.asked += 1
        return self.kept.get((tenant_id, name, version))


def step(agent: str, version: str = "") -> Claimed:
    return replace(claimed(), tenant_id=TENANT, agent=agent, agent_version=version)


def test_a_version_is_fetched_once():
    shelf = Shelf(KEPT)
    roster = Roster(DEMO, shelf.fetch)
    first = roster.find(step("writer", "2"))
    assert roster.find(step("writer", "2")) is first
    assert shelf.asked == 1


def test_what_modules_declare_is_never_asked_for():
    shelf = Shelf()
    assert Roster(DEMO, shelf.fetch).find(step("support")).declared.name == "support"
    assert shelf.asked == 0


def test_one_that_was_not_there_is_asked_for_again():
    shelf = Shelf()
    roster = Roster(DEMO, shelf.fetch)
    with pytest.raises(Unserved, match="no agent 'writer' in version '2'"):
        roster.find(step("writer", "2"))
    shelf.kept[TENANT, "writer", "2"] = KEPT
    assert list(roster.find(step("writer", "2")).tools) == ["refund"]


def test_a_version_without_its_tools_here_is_not_served():
    roster = Roster(Registry(), Shelf(KEPT).fetch)
    with pytest.raises(Unserved, match="cannot serve version '2': agent 'writer'"):
        roster.find(step("writer", "2"))


def test_a_version_of_a_newer_release_is_not_served():
    newer = replace(KEPT, definition={**KEPT.definition, "aura": 1})
    with pytest.raises(Unserved, match="this release cannot read the agent: aura"):
        Roster(DEMO, Shelf(newer).fetch).find(step("writer", "2"))


def test_code_that_counted_its_version_goes_on_with_what_is_here():
    counted = replace(KEPT, name="support", source=Source.PYTHON)
    found = Roster(DEMO, Shelf(counted).fetch).find(step("support", "2"))
    assert found is DEMO.current("support")


def test_code_that_declared_its_version_is_left_to_those_who_have_it():
    declared = replace(KEPT, name="support", source=Source.PYTHON, declared=True)
    with pytest.raises(Unserved, match="which is Python code"):
        Roster(DEMO, Shelf(declared).fetch).find(step("support", "2"))
