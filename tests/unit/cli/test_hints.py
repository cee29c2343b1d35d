"""What went wrong between a command and the API is told with its remedy."""

import pytest

from agent_workers.cli.hints import hint_of
from agent_workers.cli.main import _with_hint, main
from agent_workers.client.errors import Refused, Unreachable
from agent_workers.domain.running.exits import AWAY


def refused(status: int, code: str) -> Refused:
    return Refused(status, {"code": code, "detail": "No."})


def test_an_api_that_does_not_answer_can_be_started(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    where = ("--api-url", "http://me:secret@127.0.0.1:1", "--api-key", "k")
    monkeypatch.setattr("time.sleep", lambda _: None)
    assert main(["jobs", "list", *where]) == 1
    said = capsys.readouterr().err
    assert (
        "no reply from the API at http://127.0.0.1:1 to GET /v1/jobs (Connection refused)" in said
    )
    assert "agent-workers up" in said
    assert "secret" not in said
    assert "agent-workers up" in hint_of(Unreachable("x"), ())


@pytest.mark.parametrize("words", [("workers",), ("keys", "list"), ("agents", "list")])
def test_a_database_that_is_away_is_one_line_with_what_to_do(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_DATABASE_URL", "postgresql://me:secret@127.0.0.1:1/x")
    monkeypatch.setenv("AGENT_SECRET_PEPPER", "p" * 32)
    assert main(words) == AWAY
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"agent-workers {words[0]}: Postgres does not answer (connection to")
    assert line.endswith("Connection refused): is it running? `agent-workers doctor` says more")


@pytest.mark.parametrize(
    ("code", "words", "hint"),
    [
        ("invalid_key", (), "check AGENT_API_KEY or --api-key"),
        ("missing_key", (), "set AGENT_API_KEY"),
        ("unknown_agent", (), "`agent-workers agents list`"),
        ("job_not_found", ("jobs", "show", "job_0123456789"), "`agent-workers jobs list`"),
        (
            "job_not_found",
            ("jobs", "show", "batch_0123456789"),
            "batch_0123456789 is the id of a batch, and the id of a job begins with job_",
        ),
        (
            "schedule_not_found",
            ("schedules", "show", "job_0123456789"),
            "job_0123456789 is the id of a job, and the id of a schedule begins with sched_",
        ),
        ("session_not_found", ("sessions", "show", "talk"), "`agent-workers sessions list`"),
        ("illegal_move", (), ""),
    ],
)
def test_a_refusal_is_told_with_what_to_do(code: str, words: tuple[str, ...], hint: str) -> None:
    found = hint_of(refused(404, code), words)
    assert found.startswith(hint)
    assert bool(found) == bool(hint)


def test_a_server_that_is_not_ours_is_called_so() -> None:
    assert "check the URL" in str(Refused(404, {}))


def test_a_remedy_follows_a_question_as_a_sentence_of_its_own() -> None:
    asked = Refused(422, {"code": "unknown_agent", "detail": "no agent 'a'; did you mean 'b'?"})
    assert "did you mean 'b'? `agent-workers agents list`" in _with_hint(asked, ())
    assert "No; `agent-workers agents list`" in _with_hint(refused(422, "unknown_agent"), ())
