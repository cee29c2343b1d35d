"""What is kept of an exception: whose line raised it, and a way there that is short and no secret."""

import json
from collections.abc import Callable

import pytest
from typing_extensions import override

from agent_workers.domain.errors import Escaped, ToolError
from agent_workers.domain.tracing import trouble_of
from agent_workers.domain.trouble import MOST_OF_TRACEBACK, Trouble, error_text, trouble_told
from agent_workers.execution.users_code.calling import call_users

HERE = "tests/unit/domain/test_tracing.py"


def lookup(order: str) -> str:
    return {"a": "b"}[order]


def raised(function: Callable[[], object]) -> Trouble:
    try:
        call_users(function)
    except BaseException as error:  # noqa: BLE001  # as whoever calls users' code
        return trouble_of(error)
    raise AssertionError("it raised nothing")


def test_the_users_line_is_named_from_the_current_folder() -> None:
    trouble = raised(lambda: lookup("x"))
    assert trouble.type == "KeyError"
    assert trouble.where == f"{HERE}:{lookup.__code__.co_firstlineno + 1} in lookup"
    assert trouble.line == trouble.where.removesuffix(" in lookup")


def test_a_line_of_a_library_counts_for_the_user_that_called_it() -> None:
    def parse() -> object:
        return json.loads("{")

    trouble = raised(parse)
    assert trouble.where.endswith(" in parse")
    assert "decoder.py" in trouble.traceback


def test_what_ours_raises_on_purpose_points_at_no_line_of_ours() -> None:
    def of_ours() -> Trouble:
        return trouble_of(ToolError("no such order"))

    assert of_ours() == Trouble(type="ToolError")


def test_a_cause_is_told_with_it() -> None:
    def translated() -> None:
        try:
            lookup("x")
        except KeyError as error:
            raise RuntimeError("no order") from error

    told = raised(translated).traceback
    assert "KeyError: 'x'" in told
    assert "direct cause" in told
    assert told.endswith("RuntimeError: no order\n")


def test_what_is_no_exception_is_told_by_its_own_name() -> None:
    def leave() -> None:
        raise SystemExit(3)

    assert raised(leave).type == "SystemExit"
    assert Escaped.__name__ not in raised(leave).traceback


def test_a_deep_traceback_is_cut_in_the_middle() -> None:
    def down(depth: int) -> int:
        return up(depth + 1)

    def up(depth: int) -> int:
        return 1 // 0 if depth > 300 else down(depth)

    told = raised(lambda: down(0)).traceback
    assert len(told) <= MOST_OF_TRACEBACK
    assert "lines left out" in told
    assert told.startswith("Traceback")
    assert told.endswith("ZeroDivisionError: integer division or modulo by zero\n")


@pytest.mark.parametrize(
    "message", ["x" * 1_000_000, "\n".join("y" * 100 for _ in range(10_000)), "z " * 1_000_000]
)
def test_a_message_of_megabytes_is_cut(message: str) -> None:
    def shout() -> None:
        try:
            raise ValueError(message)
        finally:
            lookup("x")

    told = raised(shout).traceback
    assert len(told) <= MOST_OF_TRACEBACK
    assert "KeyError: 'x'" in told


def test_secrets_are_taken_out() -> None:
    def connect() -> None:
        raise ConnectionError("postgresql://me:hunter2@db/x with sk-abcdefgh1234")

    told = raised(connect).traceback
    assert "hunter2" not in told
    assert "sk-abcdefgh" not in told


def test_a_key_of_many_lines_in_notes_is_taken_out() -> None:
    def sign() -> None:
        error = ValueError("cannot sign")
        error.add_note("-----BEGIN PRIVATE KEY-----\nc2VjcmV0c2VjcmV0\n-----END PRIVATE KEY-----")
        raise error

    assert "c2VjcmV0" not in raised(sign).traceback


def test_an_exception_that_cannot_be_written_is_told_all_the_same() -> None:
    class Strange(Exception):
        @override
        def __str__(self) -> str:
            raise ValueError

    def raise_it() -> None:
        raise Strange

    assert raised(raise_it).type == "Strange"
    assert raised(raise_it).where.endswith("in raise_it")


def test_what_another_process_tells_is_bounded() -> None:
    told = trouble_told({"type": "T" * 9_000, "where": 3, "traceback": "sk-abcdefgh1234 " * 9_000})
    assert told is not None
    assert len(told.type) + len(told.where) + len(told.traceback) < MOST_OF_TRACEBACK + 1_000
    assert "sk-abcdefgh" not in told.traceback


@pytest.mark.parametrize("told", [None, [], "x", {}, {"type": None}, {"where": "x"}])
def test_what_another_process_tells_may_be_nonsense(told: object) -> None:
    assert trouble_told(told) is None


def test_a_stored_error_holds_nothing_that_postgres_refuses() -> None:
    trouble = Trouble(type="T", where="a\0b", traceback="\ud800")
    told = error_text("mistake", "half \udc00", trouble)
    assert b"\\u0000" not in told
    assert b"\\ud800" not in told
    assert b"\\udc00" not in told


def test_an_error_without_an_exception_says_so() -> None:
    told = json.loads(error_text("timeout", "not done", None))
    assert told["type"] is told["where"] is told["traceback"] is None
