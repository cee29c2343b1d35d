"""`agent-workers triggers`, `ingest` and `relay` as an operator types them."""

import json
import subprocess
import sys

import pytest

from agent_workers.cli.main import main
from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.ids import TenantId
from agent_workers.state.catalogue.agents import Agents
from tests.integration.api.live import AGENT, Live
from tests.integration.state.world import World

EVENT = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.paid", "data": {"n": 1}}
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(live: Live, tenant: TenantId, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_API_URL", live.url)
    monkeypatch.setenv("AGENT_API_KEY", live.token(tenant))
    monkeypatch.setenv("AGENT_DATABASE_URL", live.database.url)
    monkeypatch.setenv("AGENT_BROKER_URL", "redis://127.0.0.1:1/0")


def said(capsys: Capture, *words: str, code: int = 0) -> str:
    assert main(["triggers", *words]) == code, capsys.readouterr()
    return capsys.readouterr().out


def test_a_trigger_is_made_used_and_mended(capsys: Capture) -> None:
    made = said(
        capsys,
        *("create", "paid", "--agent", AGENT, "--type", "order.*", "--where", "data.n > 0"),
        *("--input", '{"n": "${data.absent}"}'),
    ).strip()
    assert made in said(capsys, "list")
    told = json.loads(said(capsys, "send", json.dumps(EVENT)))
    assert [one["trigger"] for one in told["mistakes"]] == ["paid"]
    [letter] = json.loads(said(capsys, "letters", "--json"))
    assert "is dead" in said(capsys, "replay", "--all", code=1)
    assert "disabled" in said(capsys, "disable", made)
    assert f"{letter['id']} is replayed" in said(capsys, "replay", letter["id"])
    assert said(capsys, "letters") == ""
    assert "discarded" in said(capsys, "discard", letter["id"])
    said(capsys, "delete", made)
    assert said(capsys, "list") == ""


def test_a_table_is_watched_from_the_terminal(
    capsys: Capture, world: World, tenant: TenantId
) -> None:
    table = "watched_" + tenant.removeprefix("tenant-")
    world.one(f"create table public.{table} (id int)")
    try:
        said(capsys, "watch-table", table, "--agent", AGENT, "--tenant", tenant, "--key", "id")
        assert table in said(capsys, "watched")
        world.one(f"insert into public.{table} values (1), (1), (2)")
        Agents(world.database).retire(EVERYBODY, AGENT)
        # Whoever writes the row does not fail for that.
        world.one(f"insert into public.{table} values (3)")
        Agents(world.database).restore(EVERYBODY, AGENT)
        assert world.one("select count(*) from jobs where tenant_id = %s", tenant) == 2
        said(capsys, "unwatch-table", table)
        said(capsys, "watch-table", table, "--agent", AGENT, "--on", "looking", code=2)
    finally:
        world.one(f"drop table public.{table}")


@pytest.mark.parametrize(
    "words", [("ingest", "--queue", "q"), ("relay", "--exchange", "x", "--from", "start")]
)
def test_a_program_that_lacks_its_broker_says_so_in_one_line(words: tuple[str, ...]) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "agent_workers.cli.main", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 2
    [line] = ran.stderr.splitlines()
    assert line.startswith(f"agent-workers {words[0]}: AGENT_{words[0].upper()}_URL is not set")
