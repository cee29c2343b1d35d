"""`agent-workers schedules` on a live API."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent_workers.cli.main import main
from agent_workers.domain.ids import TenantId
from tests.integration.api.live import Live


@pytest.fixture(autouse=True)
def _at_the_api(live: Live, tenant: TenantId, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("AGENT_API_URL", live.url)
    monkeypatch.setenv("AGENT_API_KEY", live.token(tenant))
    monkeypatch.chdir(tmp_path)


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["schedules", *words]) == 0
    return capsys.readouterr().out.strip()


def test_a_schedule_from_its_making_to_its_end(capsys: pytest.CaptureFixture[str]):
    rule = ("--cron", "30 2 * * *", "--timezone", "Europe/Berlin", "--overlap", "allow")
    made = told(capsys, "create", "demo", '{"city": "Oslo"}', *rule, "--name", "nightly")
    [listed] = json.loads(told(capsys, "list", "--json"))
    assert (listed["id"], listed["target"]["job"]["input"]) == (made, {"city": "Oslo"})
    assert "30 2 * * * Europe/Berlin" in told(capsys, "list")
    assert len(told(capsys, "preview", made, "-n", "3").splitlines()) == 3
    job = told(capsys, "trigger", made)
    assert job.startswith("job_")
    assert job in told(capsys, "runs", made)
    assert told(capsys, "pause", made).endswith("paused")
    assert told(capsys, "edit", made, "--name", "later") == f"{made} is paused"
    assert "fires next at 2" in told(capsys, "resume", made)
    assert "fires next at" in told(capsys, "edit", made, "--cron", "0 4 * * *")
    begin = (datetime.now(UTC) - timedelta(days=3)).isoformat()
    assert told(capsys, "backfill", made, begin, datetime.now(UTC).isoformat())[0] in "34"
    assert told(capsys, "delete", made) == ""
    assert told(capsys, "list") == ""


def test_a_file_can_hold_the_batch(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    batch = {"job_template": {"agent": "demo"}, "items": [{"input": "a"}, {"input": "b"}]}
    (tmp_path / "batch.json").write_text(json.dumps(batch))
    made = told(capsys, "create", "--batch", "batch.json", "--every", "3600")
    assert json.loads(told(capsys, "show", made, "--json"))["target"] == {"batch": batch}
    assert told(capsys, "trigger", made).startswith("batch_")
    assert told(capsys, "delete", made) == ""


@pytest.mark.parametrize(
    "words",
    [
        ("create", "demo", "--every", "60"),
        ("create", "demo", "{half", "--every", "60"),
        ("create", "--batch", "nowhere.json", "--every", "60"),
        ("edit", "sched_1"),
    ],
)
def test_what_makes_no_sense_is_a_usage_mistake(words: tuple[str, ...]):
    assert main(["schedules", *words]) == 2


def test_what_the_api_refuses_is_told_in_one_line(capsys: pytest.CaptureFixture[str]):
    assert main(["schedules", "create", "demo", "hi", "--cron", "odd", "--timezone", "UTC"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "fields" in said
