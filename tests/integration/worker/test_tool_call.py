"""`agent-workers tools call`: one tool, on a worker's way, outside of any job."""

import json
from uuid import uuid4

import pytest

from agent_workers.state.database.engine import Database
from agent_workers.worker.programs.tool_call import main

MODULE = "tests.integration.worker.called_tools"
KEY = uuid4().hex


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
    monkeypatch.setenv("AGENT_TOOLS", MODULE)
    monkeypatch.setenv("AGENT_DATABASE_URL", database.url)


def called(
    capsys: pytest.CaptureFixture[str], tool: str, arguments: object = None, *options: str
) -> tuple[int, object, str]:
    """The exit code, what was printed as a result, and what was said beside it."""
    code = main([*options, tool, json.dumps(arguments or {})])
    told = capsys.readouterr()
    return code, json.loads(told.out) if told.out else None, told.err


def test_a_pure_tool_is_called_with_arguments_that_are_checked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert called(capsys, "add", {"a": 1}) == (0, 3, "")
    code, result, said = called(capsys, "add", {"a": "x"})
    assert (code, result, "a: Input should be a valid integer" in said) == (2, None, True)


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("lies", {"a": 1}, "bad_result: lies declares str but returned int"),
        ("hangs", {}, "not done within 0.1 s"),
        ("hangs_async", {}, "not done within 0.1 s"),
        ("read_file", {"path": "a.txt"}, "a.txt"),
    ],
)
def test_what_goes_wrong_is_one_line_and_exit_code_1(
    capsys: pytest.CaptureFixture[str], tool: str, arguments: object, words: str
) -> None:
    code, result, said = called(capsys, tool, arguments)
    assert (code, result, words in said, said.count("\n")) == (1, None, True, 1)


def test_half_a_character_is_printed_as_a_question_mark(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert called(capsys, "half") == (0, "?", "")


def test_without_a_database_only_what_needs_one_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_DATABASE_URL", "")
    monkeypatch.setenv("AGENT_SANDBOX", "off")
    no_database = "AGENT_DATABASE_URL is not set"
    assert no_database in called(capsys, "recall", {"query": "tea"})[2]
    said = called(capsys, "python_code", {"code": "1"})[2]
    assert ("AGENT_SANDBOX is off" in said, no_database in said) == (True, False)


def test_a_near_name_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, said = called(capsys, "adds")
    assert (code, "did you mean 'add'?" in said) == (2, True)


def test_nothing_that_leaves_a_mark_is_called_without_a_yes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for tool, arguments in (("pay", {"amount": 7}), ("note", {"name": "x"})):
        code, result, said = called(capsys, tool, arguments)
        assert (code, result, "add --yes to call it" in said) == (2, None, True)
    assert called(capsys, "pay", {"amount": 7}, "--look-up", "--key", KEY)[1] == {
        "found": False,
        "result": None,
        "contradictory": "",
    }


def test_an_effect_is_called_under_a_key_that_can_be_looked_up(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = called(capsys, "pay", {"amount": 7}, "--yes", "--key", KEY, "--user", "ann")
    assert said[:2] == (0, "paid 7 for ann")
    assert f"key {KEY}" in said[2]
    seen = called(capsys, "pay", {"amount": 7}, "--look-up", "--key", KEY)[1]
    assert seen == {"found": True, "result": "paid 7", "contradictory": ""}


@pytest.mark.parametrize(
    ("amount", "words"), [(0, "it certainly did not happen"), (-1, "it may have happened")]
)
def test_it_is_said_whether_an_effect_may_have_happened(
    capsys: pytest.CaptureFixture[str], amount: int, words: str
) -> None:
    code, result, said = called(capsys, "pay", {"amount": amount}, "--yes")
    assert (code, result, words in said) == (1, None, True)


def test_the_statements_of_a_transactional_tool_are_run(
    capsys: pytest.CaptureFixture[str], database: Database
) -> None:
    with database.connection() as connection:
        connection.execute("create table if not exists called_notes (name text primary key)")
    name = uuid4().hex
    assert called(capsys, "note", {"name": name}, "--yes")[:2] == (0, name)
    code, _, said = called(capsys, "note", {"name": name}, "--yes")
    assert (code, "duplicate key" in said) == (1, True)
    with database.connection() as connection:
        found = connection.execute("select 1 from called_notes where name = %s", (name,)).fetchall()
    assert found == [(1,)]
