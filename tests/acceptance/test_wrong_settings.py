"""A wrong setting is one line and exit code 2, whichever program reads it."""

from pathlib import Path

import pytest

from tests.acceptance.systems import run


@pytest.mark.parametrize(
    "command",
    [
        *("up", "demo", "api", "worker", "beat", "flower", "migrate", "webhooks deliver"),
        *("ingest --queue orders", "relay --exchange orders"),
    ],
)
def test_a_wrong_setting_is_one_line_and_exit_code_2(command: str, cwd: Path):
    ran = run(*command.split(), cwd=cwd, AGENT_DATABASE_URL="mysql://root:hunter2@db/agent")
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert "AGENT_DATABASE_URL" in ran.stderr
    assert "hunter2" not in ran.stderr


def test_flower_without_a_password_does_not_start(cwd: Path):
    ran = run("flower", cwd=cwd, AGENT_BROKER_URL="redis://127.0.0.1:1/0")
    assert ran.returncode == 2
    assert "AGENT_FLOWER_PASSWORD" in ran.stderr


@pytest.mark.parametrize("command", ["worker", "migrate", "up"])
def test_a_database_that_is_away_is_one_line_and_exit_code_75(command: str, cwd: Path):
    away = "postgresql://root:hunter2@127.0.0.1:1/agent"
    ran = run(
        command,
        cwd=cwd,
        AGENT_DATABASE_URL=away,
        AGENT_BROKER_URL="redis://127.0.0.1:1/0",
        AGENT_START_WAIT_S="0",
    )
    assert ran.returncode == 75
    assert "Postgres at 127.0.0.1:1/agent does not answer" in ran.stderr.splitlines()[-1]
    assert "hunter2" not in ran.stderr
    assert "Traceback" not in ran.stderr


AGENT = "from agent_workers import Agent\n{} = Agent(name='a', plan=print, tools=['{}'])\n"


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("x = 1\ny = undefined_name\n", "'undefined_name' is not defined (mistaken.py:2)"),
        ("x = 1\n", "declares no agent and no tool"),
        (AGENT.format("a", "http_gte"), "there is no tool 'http_gte'; did you mean 'http_get'?"),
        (
            AGENT.format("a", "http_get") + AGENT.format("b", "http_get"),
            "two agents are named 'a': mistaken.py:2 and mistaken.py:4",
        ),
    ],
)
def test_a_mistake_in_a_module_is_told_before_anything_is_started(
    cwd: Path, written: str, words: str
):
    (cwd / "mistaken.py").write_text(written)
    ran = run("up", "--tools", "mistaken", cwd=cwd)
    assert ran.returncode == 2
    assert words in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert "Postgres" not in ran.stdout
