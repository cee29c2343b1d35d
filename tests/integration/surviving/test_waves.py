"""A plan in waves outlives its workers: it goes on where it stood, and no effect comes twice."""

import json
from pathlib import Path

import pytest

from tests.support.worker_system import System, until

pytestmark = pytest.mark.slow


def test_workers_killed_in_the_middle_of_a_wave_leave_the_rest_to_others(
    running: System, tmp_path: Path
) -> None:
    model = running.worker("model-1")
    effects = running.worker("effects-1", lanes="effect", pool="prefork")
    book = tmp_path / "book"
    job = running.submit("waving", book=str(book), seconds=1.5)
    until(
        lambda: running.holder(job) is not None and "pause" in claimed_calls(running, job), "a nap"
    )
    model.kill()
    effects.kill()
    before = book.read_text().splitlines()
    running.worker("model-2")
    running.worker("effects-2", lanes="effect", pool="prefork")
    running.wait_for(job)
    lines = [line.split() for line in book.read_text().splitlines()]
    assert [" ".join(line) for line in lines][: len(before)] == before
    assert sorted(word for word, _, _ in lines) == ["reconcilable"] * 3 + ["unsafe"] * 2
    assert len({(word, key) for word, key, _ in lines}) == 5
    calls = [step.call_id for step in running.steps(job) if step.kind == "tool"]
    assert sorted(calls) == ["closed", "early", "late", "meanwhile", "noted", "pause"]
    assert calls.index("late") > max(calls.index("pause"), calls.index("meanwhile"))


def claimed_calls(running: System, job: object) -> list[str]:
    names = running.ask(
        "select json_agg(call_id) from steps where job_id = %s and status = 'claimed'", job
    )
    return names if isinstance(names, list) else json.loads(names or "[]")
