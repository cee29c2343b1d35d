"""`agent-workers batches` on a live API."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent_workers.cli.main import main
from agent_workers.domain.ids import TenantId
from tests.integration.api.batch_calls import line
from tests.integration.api.live import Live
from tests.integration.state.batching import FINISH
from tests.integration.state.world import World


@pytest.fixture(autouse=True)
def _at_the_api(live: Live, tenant: TenantId, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("AGENT_API_URL", live.url)
    monkeypatch.setenv("AGENT_API_KEY", live.token(tenant))
    monkeypatch.chdir(tmp_path)


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["batches", *words]) == 0
    return capsys.readouterr().out.strip()


def end_all(world: World, client: httpx.Client) -> None:
    while world.one(
        "select count(*) from jobs where tenant_id = %s and finished_at is null", world.tenant
    ):
        for job in client.get("/v1/jobs?status=queued").json()["data"]:
            world.record(world.claim(world.one("select %s::uuid", job["trace_id"])), FINISH)


def test_a_file_becomes_a_batch_whose_results_are_lines(
    world: World, client: httpx.Client, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    file = tmp_path / "items.jsonl"
    file.write_bytes(b"".join(line(n) for n in range(5)) + b'{"custom_id":"x","input":"y"}\n')
    words = (str(file), "--agent", "demo", "--concurrency", "2", "--idempotency-key", "k")
    batch_id = told(capsys, "submit", *words)
    assert told(capsys, "submit", *words) == batch_id
    shown: dict[str, Any] = json.loads(told(capsys, "show", batch_id, "--json"))
    assert (shown["item_count"], shown["counts"]["running"]) == (6, 2)
    end_all(world, client)
    assert main(["batches", "watch", batch_id]) == 0
    assert capsys.readouterr().err.strip() == "completed 100%  6 succeeded"
    results = [json.loads(one) for one in told(capsys, "results", batch_id).splitlines()]
    assert {one["custom_id"] for one in results} == {"x", *(f"item-{n}" for n in range(5))}
    told(capsys, "results", batch_id, "--output", "results.jsonl")
    assert len((tmp_path / "results.jsonl").read_text().splitlines()) == 6
    assert batch_id in told(capsys, "list")


def test_a_file_with_a_mistake_starts_nothing_and_names_its_line(
    client: httpx.Client, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    file = tmp_path / "items.jsonl"
    file.write_bytes(line(1) + line(2, agent="nobody"))
    assert main(["batches", "submit", str(file)]) == 1
    assert "line 2: no worker has registered an agent 'nobody'" in capsys.readouterr().err
    assert client.get("/v1/jobs").json()["data"] == []


def test_a_batch_can_be_canceled(
    client: httpx.Client, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    file = tmp_path / "items.jsonl"
    file.write_bytes(line(1))
    batch_id = told(capsys, "submit", str(file))
    assert told(capsys, "cancel", batch_id, "--reason", "enough") == f"{batch_id} is canceled"
    [job] = client.get("/v1/jobs").json()["data"]
    assert (job["status"], job["batch_id"]) == ("canceled", batch_id)
