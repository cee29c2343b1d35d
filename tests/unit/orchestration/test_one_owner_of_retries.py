"""Nobody sleeps in a worker for long, and nobody retries what the engine retries."""

import ast
from datetime import timedelta
from pathlib import Path

from agent_workers.execution.models.wrappers.ladder import PATIENCE
from agent_workers.execution.models.wrappers.metered import PATIENCE_S
from tests.support.repository import ROOT

PRODUCT = ROOT / "agent_workers"
FOLDERS = ("domain", "execution", "governance", "orchestration", "state", "transport", "worker")
# Threads of their own, which no step waits for.
WATCHING = {"worker/watchdog.py", "transport/shared/model_cache.py"}
LONGEST = timedelta(seconds=5)
# Their retries would be tried again by ours.
RETRYING_ELSEWHERE = {"autoretry_for", "retry_backoff"}


def files() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((PRODUCT / folder).rglob("*.py"))]


def test_no_step_sleeps_by_itself() -> None:
    """A loop that waits in place waits by tenacity; what takes longer gets a due time."""
    sleeping = {
        path.relative_to(PRODUCT).as_posix()
        for path in files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "time.sleep"
    }
    assert sleeping == WATCHING


def test_whoever_waits_in_place_waits_for_less_than_five_seconds() -> None:
    assert PATIENCE <= LONGEST
    assert timedelta(seconds=PATIENCE_S) <= LONGEST
    for path in files():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "max":
                assert isinstance(node.value, ast.Constant), path
                assert float(str(node.value.value)) <= LONGEST.total_seconds(), path


def test_nobody_but_the_engine_tries_again() -> None:
    for path in files():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword):
                assert node.arg not in RETRYING_ELSEWHERE, path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert ast.unparse(node.func) not in {"self.retry", "task.retry"}, path
