"""`agent-workers jobs` on a live API."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agent_workers.cli.jobs import follow
from agent_workers.cli.jobs.follow import wait
from agent_workers.cli.jobs.needs import Need, Seen, needs_of
from agent_workers.cli.main import main
from agent_workers.client.client import Client
from agent_workers.domain.ids import JobId, TenantId, from_wire, to_wire
from tests.integration.api.live import Live
from tests.integration.state.waiting import engaging, park, person
from tests.integration.state.world import FINISH, World


@pytest.fixture(autouse=True)
def _at_the_api(live: Live, tenant: TenantId, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("AGENT_API_URL", live.url)
    monkeypatch.setenv("AGENT_API_KEY", live.token(tenant))
    monkeypatch.chdir(tmp_path)
    # The API of this process logs its requests beside what the command prints.
    with capture_logs():
        yield


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["jobs", *words]) == 0
    return capsys.readouterr().out.strip()


def stored(job: str) -> JobId:
    job_id = from_wire(job)
    assert job_id is not None
    return job_id


def test_each_condition_of_a_job_has_a_flag(capsys: pytest.CaptureFixture[str]):
    conditions = (
        *("--deadline", "2h", "--priority", "7", "--delay", "10m", "--max-steps", "9"),
        *("--callback-url", "https://example.com/done", "--metadata", "a=b"),
    )
    job = json.loads(
        told(capsys, "show", told(capsys, "submit", "demo", "x", *conditions), "--json")
    )
    assert (job["priority"], job["progress"]["max_steps"], job["metadata"]) == (7, 9, {"a": "b"})
    assert job["deadline_at"] > job["created_at"]
    later = told(capsys, "submit", "demo", "x", "--run-at", "2199-01-31T12:00+01:00")
    assert "it may start at 2199-01-31 11:00:00 UTC" in told(capsys, "show", later)
    both = ("--run-at", "2199-01-31T12:00Z", "--delay", "1h")
    job = json.loads(told(capsys, "submit", "demo", "x", *both, "--json"))
    assert "it may start at 2199-01-31 13:00:00 UTC" in told(capsys, "show", job["id"])


def test_a_time_that_has_passed_is_refused(capsys: pytest.CaptureFixture[str]):
    assert main(["jobs", "submit", "demo", "x", "--deadline", "2020-01-01"]) == 1
    said = capsys.readouterr().err
    assert "/deadline: 2020-01-01T00:00:00Z has passed: it is 20" in said


def test_an_answer_to_a_job_that_asks_nothing_is_refused(capsys: pytest.CaptureFixture[str]):
    job = told(capsys, "submit", "demo", "x")
    assert main(["jobs", "answer", job, "yes"]) == 1
    said = capsys.readouterr().err
    assert f"{job} asks no question now; see `agent-workers jobs show {job}`" in said


def test_a_filter_that_finds_nothing_does_not_say_that_there_are_no_jobs(
    capsys: pytest.CaptureFixture[str],
):
    assert main(["jobs", "list"]) == 0
    assert "no jobs; submit one with" in capsys.readouterr().err
    told(capsys, "submit", "demo", "x")
    assert main(["jobs", "list", "--agent", "nope"]) == 0
    assert capsys.readouterr().err == "no job matches\n"


def test_whoever_waits_is_shown_the_question_beside_the_output(
    live: Live, world: World, tenant: TenantId, capsys: pytest.CaptureFixture[str]
):
    claimed = engaging(world)
    park(world, claimed, person("sure", None, "yes", "no"))
    job = to_wire(claimed.job_id)
    with Client(live.url, live.token(tenant)) as client:
        assert wait(client, job, timeout=timedelta(seconds=0.1)) == 124
    said = capsys.readouterr()
    assert said.out == ""
    assert "waiting for a person's answer" in said.err
    assert "Sure? (yes / no)" in said.err
    assert f"  agent-workers jobs answer {job} sure yes" in said.err
    assert f"has not ended within 100 ms; it goes on: agent-workers jobs show {job}" in said.err


def test_watching_ends_after_its_time_and_says_what_the_job_waits_for(
    world: World, capsys: pytest.CaptureFixture[str]
):
    claimed = engaging(world)
    park(world, claimed, person("sure", None, "yes", "no"))
    job = to_wire(claimed.job_id)
    assert main(["jobs", "watch", job, "--timeout", "0.3s"]) == 124
    said = capsys.readouterr().err
    assert "Sure? (yes / no)" in said
    assert f"has not ended within 300 ms; it goes on: agent-workers jobs show {job}" in said


def test_a_timeout_without_waiting_is_refused(capsys: pytest.CaptureFixture[str]):
    assert main(["jobs", "submit", "demo", "x", "--timeout", "1m"]) == 2
    assert "--timeout needs --wait or --watch" in capsys.readouterr().err


def test_ctrl_c_leaves_the_job_and_says_how_to_find_it_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, "wait", interrupted)
    assert main(["jobs", "submit", "demo", "x", "--wait"]) == 130
    said = capsys.readouterr().err
    assert "goes on; follow it with: agent-workers jobs watch job_" in said


def test_whoever_watches_is_told_what_a_silent_job_waits_for(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    claimed = engaging(world)
    park(world, claimed, person("sure", None, "yes", "no"))

    def looked(seen: Seen) -> list[Need]:
        needs = needs_of(seen)
        world.cancel(claimed.job_id)
        return needs

    monkeypatch.setattr(follow, "needs_of", looked)
    assert main(["jobs", "watch", to_wire(claimed.job_id)]) == 1
    said = capsys.readouterr()
    assert "waiting for a person's answer" in said.out
    assert f"  agent-workers jobs answer {to_wire(claimed.job_id)} sure no" in said.out
    assert "canceled" in said.err


def test_a_job_is_watched_to_its_end(world: World, capsys: pytest.CaptureFixture[str]):
    job = told(capsys, "submit", "demo", "x")
    world.record(world.claim(stored(job)), FINISH)
    lines = told(capsys, "watch", job).splitlines()
    assert lines[0].endswith("+0.000 s  submitted")
    assert lines[1].endswith("started by the planner")
    assert lines[-2].endswith("succeeded")
    assert lines[-1] == '"done"'


def test_a_job_is_shown_listed_and_traced(world: World, capsys: pytest.CaptureFixture[str]):
    job = told(capsys, "submit", "demo", "Lisbon")
    world.record(world.claim(stored(job)), FINISH)
    shown = told(capsys, "show", job)
    assert shown.startswith(f"{job}  succeeded\n")
    assert "Output" in shown
    assert "message: Lisbon" in told(capsys, "trace", job)
    [first, *_] = told(capsys, "trace", job, "--json").splitlines()
    assert json.loads(first)["stage"] == "gateway"
    assert job in told(capsys, "list", "--status", "succeeded")
