"""Who may serve the effect lane, and what it does there."""

from pathlib import Path

import pytest

from tests.support.worker_system import PATIENCE_S, Program, System

pytestmark = pytest.mark.slow


def run_to_its_end(running: System, *options: str) -> tuple[int, Program]:
    program = running.start("refused", "agent_workers.worker.programs.main", *options)
    return program.process.wait(PATIENCE_S), program


@pytest.mark.parametrize("lanes", ["effect", "plan,tool,effect,evaluate"])
def test_a_threads_worker_refuses_the_effect_lane_in_one_line(running: System, lanes: str) -> None:
    code, program = run_to_its_end(running, "--lanes", lanes, "--pool", "threads")
    assert code == 2
    [line] = program.output().splitlines()
    assert line.startswith("agent-workers worker: the effect lane cannot run with --pool threads")
    assert "deposit, write_down" in line
    assert "--pool prefork" in line


def test_a_prefork_worker_acts_once_for_each_effect_in_a_child(
    running: System, tmp_path: Path
) -> None:
    running.worker("model", lanes="plan,evaluate")
    effects = running.worker("effects", lanes="effect", pool="prefork")
    book = tmp_path / "book"
    job = running.submit("writing", book=str(book), tools=["write_down", "deposit"])
    running.wait_for(job)
    lines = [line.split() for line in book.read_text().splitlines()]
    assert sorted(word for word, _, _ in lines) == ["reconcilable", "unsafe"]
    assert all(effects.owns(int(pid)) and int(pid) != effects.pid for _, _, pid in lines)
    lanes = {step.tool: step.lane for step in running.steps(job) if step.kind == "tool"}
    assert lanes == {"write_down": "effect", "deposit": "effect"}
