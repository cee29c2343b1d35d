"""The example in docs/agents.md runs as it stands there."""

import re
from pathlib import Path

import pytest

from tests.integration.agents.conftest import Bench, Desk
from tests.integration.agents.test_agents_pinned import submit
from tests.support.repository import ROOT

PAGE = ROOT / "docs/agents.md"


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.+?)```", PAGE.read_text(), re.DOTALL)
    assert found
    return found[1]


def test_the_example_answers(
    bench: Bench, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "shop_tools.py").write_text(block("python"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("AGENT_TOOLS", "shop_tools")
    said = desk.apply(block("yaml"))
    assert (said.code, said.out) == (0, "shop_desk version 1: new, and current\n"), said.err
    job = submit(bench, "shop_desk", 'use opening_hours {"day": "Monday"}')
    bench.until_done(job, bench.runtime(module="shop_tools"))
    assert bench.output(job) == '"10 to 18"'
