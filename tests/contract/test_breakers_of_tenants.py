"""Breakers of tenants: what fails for one bars nobody else, and what fails for several all."""

from datetime import timedelta

import pytest

from agent_workers.cli.main import main
from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.breaker import BreakerState
from agent_workers.domain.ids import TenantId
from agent_workers.governance import breakers as rules
from agent_workers.state.catalogue.breakers import BreakerRows
from agent_workers.state.catalogue.tools import Tools
from agent_workers.state.database.engine import Database
from tests.contract.breakers_world import ACME, BOND, CORP, SNAPPY, Shared, fail, shared
from tests.support.database import database, tenant
from tests.support.worker_system import until

__all__ = ["database", "shared", "tenant"]


def test_what_fails_for_one_tenant_bars_no_other(shared: Shared) -> None:
    breakers = shared.process(SNAPPY)
    for _ in range(3):  # a probe that works closes it, and then it fails again
        until(lambda: breakers.ask("tool:pay", ACME) is None, "it may be called")
        breakers.tell("tool:pay", ACME, False)
        fail(breakers, 5)
    assert breakers.is_open("tool:pay", ACME)
    assert shared.process().ask("tool:pay", BOND) is None
    assert shared.state(EVERYBODY) is BreakerState.CLOSED
    fail(breakers, 1, BOND)  # nor does one failure of another make it everybody's
    assert shared.state(EVERYBODY) is BreakerState.CLOSED


def test_what_fails_for_several_tenants_is_called_for_none(shared: Shared) -> None:
    breakers = shared.process()
    fail(breakers, 2, ACME)
    fail(breakers, 2, BOND)
    assert breakers.ask("tool:pay", CORP) is None
    breakers.tell("tool:pay", CORP, True)
    assert shared.state(EVERYBODY) is BreakerState.OPEN
    assert shared.process().ask("tool:pay", TenantId("dora")) is not None
    assert breakers.is_open("tool:pay", ACME)


def test_what_works_for_other_tenants_keeps_the_failures_of_some_to_themselves(
    shared: Shared,
) -> None:
    breakers = shared.process()
    for number in range(10):
        fail(breakers, 2, TenantId(f"wrong-{number}"))
        for _ in range(5):
            breakers.tell("tool:pay", ACME, False)
    assert shared.state(EVERYBODY) is BreakerState.CLOSED


def test_who_made_the_last_probe_for_all_leaves_the_next_one_to_others(shared: Shared) -> None:
    breakers = shared.process(SNAPPY)
    for name in "abcde":
        fail(breakers, 1, TenantId(name))
    until(lambda: breakers.ask("tool:pay", ACME) is None, "a probe may go")
    breakers.tell("tool:pay", ACME, True)
    seen = shared.store.see("tool:pay", EVERYBODY)
    assert seen.breaker.until is not None
    due = seen.breaker.until
    assert rules.admit(seen, due, tenant_id=BOND) == rules.Probe()
    assert isinstance(rules.admit(seen, due, tenant_id=ACME), rules.Barred)
    assert rules.admit(seen, due + timedelta(seconds=1), tenant_id=ACME) == rules.Probe()


def test_a_call_that_is_the_probe_of_two_breakers_closes_both(shared: Shared) -> None:
    breakers = shared.process(SNAPPY)
    fail(breakers, 3, BOND)
    fail(breakers, 2, CORP)
    late = shared.process(SNAPPY)
    late.tell("tool:pay", BOND, True)
    late.tell("tool:pay", BOND, True)
    fail(shared.process(SNAPPY), 1, ACME)
    assert shared.state(BOND) is shared.state(EVERYBODY) is BreakerState.OPEN
    until(lambda: late.ask("tool:pay", BOND) is None, "it may be the probe")
    assert shared.state(BOND) is shared.state(EVERYBODY) is BreakerState.HALF_OPEN
    late.tell("tool:pay", BOND, False)
    assert shared.state(BOND) is shared.state(EVERYBODY) is BreakerState.CLOSED


def test_an_operator_bars_one_tenant_and_lets_all_go_on(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGENT_DATABASE_URL", database.url)
    shared = Shared(BreakerRows(database))
    Tools(database).register([{"name": "read", "version": "1"}])
    assert main(["breakers", "open", "tool:read", "--tenant", ACME]) == 0
    assert shared.process().ask("tool:read", ACME) is not None
    assert shared.process().ask("tool:read", BOND) is None
    assert main(["breakers", "open", "tool:read"]) == 0
    assert shared.process().ask("tool:read", BOND) is not None
    assert main(["breakers", "close", "tool:read"]) == 0
    assert shared.process().ask("tool:read", ACME) is None
    assert main(["breakers", "list", "--json"]) == 0
    assert '"tenant": "acme"' in capsys.readouterr().out


def test_a_breaker_of_a_tool_that_nobody_has_is_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGENT_DATABASE_URL", database.url)
    Tools(database).register([{"name": "refund", "version": "1"}])
    assert main(["breakers", "open", "tool:refnud"]) == 2
    said = capsys.readouterr().err
    assert "no worker has registered a tool 'refnud'; did you mean 'refund'?" in said
    assert main(["breakers", "open", "tool:server.tool"]) == 0


def test_rows_of_what_has_long_been_well_go(database: Database) -> None:
    shared = Shared(BreakerRows(database))
    with database.connection() as connection:
        connection.execute("truncate breakers")
        fail(shared.process(), 1, TenantId("old"))
        connection.execute("update breakers set window_began_at = now() - interval '11 minutes'")
    fail(shared.process(), 1, TenantId("new"))
    left = {seen.breaker.tenant_id for seen in BreakerRows(database).all()}
    assert left == {"new", EVERYBODY}
