"""The command line on a migrated database, and files for it to apply."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent_workers.cli.main import main
from agent_workers.domain.ids import TenantId
from agent_workers.state.database.engine import Database
from tests.integration.worker.conftest import Bench, bench
from tests.support.database import database, tenant
from tests.support.repository import ROOT

__all__ = ["Bench", "bench", "database", "tenant"]

TOOLS = "tests.integration.agents.tools"
SHOUTING = f"""
name: speaker
plan: {TOOLS}:shout_it
evaluate: {TOOLS}:first_result
tools: [shout]
"""


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    # Any: JSON of whatever shape the command prints.
    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Said]


@dataclass(frozen=True, slots=True)
class Desk:
    """Runs `agent-workers agents` for one tenant."""

    tenant: TenantId
    folder: Path
    capture: pytest.CaptureFixture[str]

    def run(self, verb: str, *words: str) -> Said:
        code = main(["agents", verb, *words, "--tenant", self.tenant])
        captured = self.capture.readouterr()
        return Said(code, captured.out, captured.err)

    def file(self, text: str, name: str = "agents.yaml") -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def apply(self, text: str, *more: str) -> Said:
        return self.run("apply", self.file(text), *more)

    def versions(self, said: Said) -> Sequence[str]:
        assert said.code == 0, said.err
        return [one["version"] for one in said.json]


@pytest.fixture
def desk(
    database: Database,
    tenant: TenantId,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    monkeypatch.setenv("AGENT_DATABASE_URL", database.url)
    monkeypatch.setenv("AGENT_TOOLS", TOOLS)
    monkeypatch.chdir(ROOT)
    return Desk(tenant, tmp_path, capsys)
