"""The fixtures that need no server: a tool by hand, fake facilities, a clock that is moved."""

import subprocess
import sys
from datetime import timedelta

import pytest

from agent_workers import ToolError
from agent_workers.domain.outside.http import HttpAnswer
from agent_workers.domain.tools.tool import Transaction
from agent_workers.execution.tools.builtin.workspace import delete_file, list_files, write_file
from agent_workers.pytest_plugin import RunTool
from agent_workers.testing.clock import FakeClock
from agent_workers.testing.fakes import FakeHttp, FakeOutbox, FakeWorkspace
from tests.unit.testing import desk

_HEAVY = ("celery", "litellm", "psycopg", "pydantic", "redis", "sqlalchemy")


def test_a_tool_runs_with_the_time_that_the_test_says(
    run_tool: RunTool, fake_clock: FakeClock
) -> None:
    fake_clock.advance(timedelta(days=30))
    assert run_tool(desk.due_on, {"days": 1}, given=[fake_clock]) == "2026-02-01"


def test_a_clock_does_not_go_back(fake_clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="does not go back"):
        fake_clock.advance(timedelta(seconds=-1))


def test_a_tool_gets_a_key_and_a_fake_way_outside(run_tool: RunTool) -> None:
    http = FakeHttp(lambda request: HttpAnswer(url=request.url, status=201))
    assert run_tool(desk.order, {"what": "ink"}, given=[http]) == 204
    assert len(http.asked[0].headers["Idempotency-Key"]) == 32


def test_arguments_are_held_against_the_signature(run_tool: RunTool) -> None:
    with pytest.raises(ToolError, match="days: "):
        run_tool(desk.due_on, {"days": "soon"}, given=[FakeClock()])


def test_a_result_is_held_against_what_the_tool_declares(run_tool: RunTool) -> None:
    with pytest.raises(ToolError, match="wrong_type declares int but returned str"):
        run_tool(desk.wrong_type)


def test_a_facility_that_nobody_gave_is_named(run_tool: RunTool) -> None:
    with pytest.raises(ToolError, match="asks for Clock"):
        run_tool(desk.due_on, {"days": 1})


def test_what_a_transactional_tool_wishes_happens_when_it_is_run(run_tool: RunTool) -> None:
    workspace = FakeWorkspace()
    for text in ("one, ", "two"):
        wish = run_tool(
            write_file, {"path": "a.txt", "content": text, "append": True}, given=[workspace]
        )
        assert isinstance(wish, Transaction)
        workspace.run(wish)
    assert workspace.kept == {"a.txt": b"one, two"}
    files = run_tool(list_files, given=[workspace])
    assert isinstance(files, list)
    assert [one["path"] for one in files] == ["a.txt"]


def test_a_file_that_is_not_as_expected_is_left_alone(run_tool: RunTool) -> None:
    workspace = FakeWorkspace({"a.txt": b"one"})
    wish = run_tool(delete_file, {"path": "a.txt", "expect": "other"}, given=[workspace])
    assert isinstance(wish, Transaction)
    with pytest.raises(ToolError, match="not as expected"):
        workspace.run(wish)
    assert workspace.kept


def test_the_plugin_is_light_for_whoever_tests_something_else() -> None:
    code = f"import agent_workers.pytest_plugin, sys; print(*set({_HEAVY}) & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_fake_outbox_knows_what_was_sent() -> None:
    outbox = FakeOutbox()
    assert outbox.find("k") is None
