"""What `doctor` says of the addresses of models while workers run: they report keys and prices only."""

from pathlib import Path

import pytest

from agent_workers.cli.doctor.command import look
from agent_workers.settings import Settings
from agent_workers.state.database.engine import Database
from agent_workers.state.steps.worker_reports import WorkerReports
from tests.integration.state.test_worker_reports import REPORT

FILE = """\
models:
  down: {model: hosted_vllm/x, address: "http://127.0.0.1:9/v1", key: {env: NOBODY_SETS_THIS}, prices: {input: 0, output: 0}}
"""


def test_an_address_that_does_not_answer_is_a_warning_while_workers_run(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AGENT_TOOLS", raising=False)
    (tmp_path / "models.yaml").write_text(FILE)
    WorkerReports(database).say(REPORT)
    found = look(Settings(database_url=database_url, models=tmp_path / "models.yaml"))
    lines = [finding.line for finding in found]
    assert "no worker runs" not in str(lines)
    assert "NOBODY_SETS_THIS" not in str(lines)  # the workers have their own environments
    [line] = [line for line in lines if "'down'" in line]
    assert line.startswith("warn  the address of 'down' does not answer: http://127.0.0.1:9/v1 (")
