"""`agent-workers quotas` as an operator types it: what is shown, set, taken back and refused."""

import json
from collections.abc import Callable

import pytest

from agent_workers.cli.main import main
from agent_workers.domain.errors import QuotaReached
from agent_workers.domain.ids import TenantId
from agent_workers.state.access.quotas import KINDS
from agent_workers.state.database.engine import Database
from tests.integration.state.test_quotas import ROWS, run

Say = Callable[..., str]


@pytest.fixture
def say(
    database: Database,
    tenant: TenantId,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Say:
    """Type a command, and read everything that it says."""
    monkeypatch.setenv("AGENT_DATABASE_URL", database.url)

    def typed(*words: str, of: str = tenant, code: int = 0) -> str:
        assert main(["quotas", *words, "--tenant", of]) == code
        told = capsys.readouterr()
        return told.out + told.err

    return typed


def row(say: Say, kind: str) -> list[str]:
    [found] = (line.split() for line in say("list").splitlines() if line.startswith(kind))
    return found


def test_all_kinds_are_listed_with_what_is_used_and_may_be(
    say: Say, database: Database, tenant: TenantId
) -> None:
    run(database, f"insert into {ROWS['triggers']}", tenant, "8fb1b7ae-0c0f-4d9a-8d4b-6a8f7a5c8f9d")
    assert say("list").splitlines()[0].split() == ["kind", "used", "most", "is_set"]
    assert [line.split()[0] for line in say("list").splitlines()[1:]] == KINDS
    assert row(say, "triggers") == ["triggers", "1", "200", "False"]
    assert row(say, "bytes") == ["bytes", "0", "bytes", "50", "GiB", "False"]


def test_a_quota_that_is_set_holds_until_it_is_set_back(
    say: Say, database: Database, tenant: TenantId
) -> None:
    assert say("set", "sessions", "1") == f"tenant {tenant!r} may have 1 sessions, and has 0\n"
    assert row(say, "sessions") == ["sessions", "0", "1", "True"]
    run(database, f"insert into {ROWS['sessions']}", tenant, "a")
    with pytest.raises(QuotaReached):
        run(database, f"insert into {ROWS['sessions']}", tenant, "b")
    assert "may have 1000000 sessions, and has 1" in say("set", "sessions", "default")
    run(database, f"insert into {ROWS['sessions']}", tenant, "b")
    assert row(say, "sessions") == ["sessions", "2", "1000000", "False"]


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("0", "0 bytes"),
        ("1023", "1023 bytes"),
        ("1536KiB", "1.5 MiB"),
        ("5 GiB", "5 GiB"),
        ("default", "50 GiB"),
    ],
)
def test_bytes_are_typed_and_shown_in_units(say: Say, tenant: TenantId, typed: str, shown: str):
    assert say("set", "bytes", typed) == f"tenant {tenant!r} may have {shown}, and has 0 bytes\n"


def test_programs_read_numbers(say: Say) -> None:
    say("set", "bytes", "1KiB")
    quotas = {quota["kind"]: quota for quota in json.loads(say("list", "--json"))}
    assert quotas["bytes"] == {"kind": "bytes", "used": 0, "most": 1024, "is_set": True}


def test_a_tenant_that_nobody_has_seen_has_what_is_so_by_default(say: Say) -> None:
    assert "may have 3 agents, and has 0" in say("set", "agents", "3", of="nobody-yet")
    say("set", "agents", "default", of="nobody-yet")
    assert "True" not in say("list", of="nobody-yet")


@pytest.mark.parametrize(
    ("kind", "most"),
    [
        ("agents", "many"),
        ("agents", ""),
        ("agents", "1.5"),
        ("agents", "٣"),
        ("agents", "-1"),
        ("agents", "5GiB"),
        ("bytes", "5GB"),
        ("bytes", "9" * 19),
        ("bytes", "9999999TiB"),
    ],
)
def test_what_is_no_number_is_refused_and_changes_nothing(say: Say, kind: str, most: str) -> None:
    assert "nor `default`" in say("set", kind, most, code=2)
    assert row(say, kind)[-1] == "False"


@pytest.mark.parametrize("words", [("set", "jobs", "1"), ("set",), ()])
def test_what_is_asked_wrongly_is_explained(
    say: Say, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        say(*words)
    assert "see `agent-workers quotas" in capsys.readouterr().err
