"""A wrong setting is one line and exit code 2, whichever program reads it."""

from pathlib import Path

import pytest

from tests.acceptance.systems import run


@pytest.mark.parametrize("command", ["up", "demo", "api", "worker", "beat", "flower", "migrate"])
def test_a_wrong_setting_is_one_line_and_exit_code_2(command: str, cwd: Path):
    ran = run(command, cwd=cwd, AGENT_DATABASE_URL="mysql://root:hunter2@db/agent")
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert "AGENT_DATABASE_URL" in ran.stderr
    assert "hunter2" not in ran.stderr


def test_flower_without_a_password_does_not_start(cwd: Path):
    ran = run("flower", cwd=cwd, AGENT_BROKER_URL="redis://127.0.0.1:1/0")
    assert ran.returncode == 2
    assert "AGENT_FLOWER_PASSWORD" in ran.stderr
