"""The recovery policy: every code has a row, every row leads somewhere, and nobody contradicts it."""

import ast
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agent_workers.domain.recovery import (
    Abort,
    AskPerson,
    CachedAnswer,
    Failure,
    Means,
    OtherAgent,
    OtherTool,
    ParkOn,
    Remedy,
    Replan,
    RetryAt,
    recover,
    user_message,
)
from agent_workers.domain.recovery_rows import ROWS, Way
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.users_code import breaking
from agent_workers.orchestration.steps.limits import CODES
from tests.support.repository import ROOT

# What these are given as `code` is what a step or a job fails with.
FAILING = {"Broke", "Fail", "GaveUp", "ToolFailed"}
FOLDERS = ("domain", "execution", "governance", "orchestration", "state", "worker")
ALL = Means(
    tries=0,
    max_tries=3,
    jitter=1.0,
    other_tool="backup",
    other_agent="second",
    is_shown=True,
)


def constants(tree: ast.Module) -> dict[str, str]:
    """Read the texts that a module gives a name."""
    found: dict[str, str] = {}
    for node in tree.body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.IfExp(body=ast.Constant(value=str() as text)),
            ):
                found[name] = text
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str() as text)):
                found[name] = text
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str() as text)):
                found[name] = text
            case _:
                pass
    return found


def codes_in(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    named = constants(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in FAILING:
            continue
        for keyword in node.keywords:
            if keyword.arg == "code":
                yield from texts_of(keyword.value, named)


def texts_of(value: ast.expr, named: dict[str, str]) -> Iterator[str]:
    match value:
        case ast.Constant(value=str() as text):
            yield text
        case ast.Name(id=name) if name in named:
            yield named[name]
        case ast.IfExp(body=body, orelse=orelse):
            yield from texts_of(body, named)
            yield from texts_of(orelse, named)
        case _:
            pass


def codes() -> set[str]:
    found = set(CODES.values())
    found |= {f"model_{error_class}" for error_class in ErrorClass}
    found |= set(breaking.CODES) | {"child_failed", "child_canceled"}
    for folder in FOLDERS:
        for path in (ROOT / "agent_workers" / folder).rglob("*.py"):
            found |= set(codes_in(path))
    return found


def test_every_code_that_a_step_can_fail_with_has_a_row() -> None:
    assert sorted(codes() - ROWS.keys()) == []


def test_every_row_says_why_and_what_a_user_is_told() -> None:
    for code, row in ROWS.items():
        assert row.why, code
        assert row.user_message.endswith("."), code
        assert not any(word in row.user_message for word in ("breaker", "step", "worker")), code


@pytest.mark.parametrize("code", ROWS)
def test_every_row_ends_however_little_is_left_to_try(code: str) -> None:
    assert recover(Failure(code=code), Means()) == Abort(user_message=user_message(code))


@pytest.mark.parametrize("error_class", ErrorClass)
def test_models_are_passed_on_by_the_same_table(error_class: ErrorClass) -> None:
    failed = ModelFailed(error_class, "it failed")
    ways = ROWS[failed.code].ways
    assert (Way.OTHER_MODEL in ways) == failed.next_target
    if failed.retryable:
        assert Way.RETRY in ways


REMEDIES: list[tuple[str, Means, Remedy]] = [
    ("connection", ALL, RetryAt(delay=timedelta(milliseconds=500))),
    ("connection", Means(tries=2, max_tries=3, other_tool="backup"), OtherTool(tool="backup")),
    ("connection", Means(tries=2, max_tries=3, is_shown=True), Replan()),
    ("tool_error", ALL, OtherTool(tool="backup")),
    ("bad_arguments", ALL, Replan()),
    ("effect_abandoned", ALL, Replan()),
    ("effect_not_done", ALL, OtherTool(tool="backup")),
    ("unknown_tool", Means(tries=0, max_tries=10), RetryAt(delay=timedelta(milliseconds=500))),
    ("model_timeout", Means(max_tries=4), RetryAt(delay=timedelta(milliseconds=500))),
    ("model_timeout", Means(tries=3, max_tries=4, other_agent="b"), OtherAgent(agent="b")),
    ("model_bad_request", Means(max_tries=4, other_agent="b"), OtherAgent(agent="b")),
    ("evaluation_failed", Means(other_agent="b"), OtherAgent(agent="b")),
    ("deadline_exceeded", ALL, Abort(user_message=user_message("deadline_exceeded"))),
    ("budget_spent", ALL, Abort(user_message=user_message("budget_spent"))),
    ("breaker_open", ALL, OtherTool(tool="backup")),
    ("breaker_open", Means(is_remembered=True, asks_person=True), CachedAnswer()),
    ("breaker_open", Means(asks_person=True), Abort(user_message=user_message("breaker_open"))),
    ("timeout", Means(max_tries=2, is_remembered=True), RetryAt(delay=timedelta(milliseconds=500))),
    ("timeout", Means(is_remembered=True, asks_person=True, other_tool="b"), OtherTool(tool="b")),
    ("timeout", Means(is_remembered=True, asks_person=True, is_shown=True), CachedAnswer()),
    ("timeout", Means(asks_person=True, is_shown=True), AskPerson()),
    ("refused", Means(is_remembered=True, asks_person=True, is_shown=True), AskPerson()),
    ("refused", Means(is_remembered=True, is_shown=True), Replan()),
    ("bad_arguments", Means(is_remembered=True, asks_person=True, is_shown=True), Replan()),
]


@pytest.mark.parametrize(("code", "means", "remedy"), REMEDIES)
def test_the_first_way_that_is_open_is_taken(code: str, means: Means, remedy: Remedy) -> None:
    assert recover(Failure(code=code), means) == remedy


def test_whoever_is_parked_uses_up_nothing() -> None:
    parked = Failure(code="model_breaker_open", parks_on="model:large")
    assert recover(parked, Means(tries=9)) == ParkOn(name="model:large", wait=None)


def test_the_other_side_may_say_when() -> None:
    later = Failure(code="rate_limited", retry_after=timedelta(seconds=7))
    assert recover(later, ALL) == RetryAt(delay=timedelta(seconds=7))


def test_a_code_of_a_users_own_goes_by_what_its_error_says() -> None:
    own = Failure(code="out_of_stock")
    assert recover(own, ALL) == OtherTool(tool="backup")
    passing = Failure(code="warehouse_busy", retryable=True)
    assert isinstance(recover(passing, ALL), RetryAt)
    assert user_message("out_of_stock") == ROWS["tool_error"].user_message


def test_the_documentation_has_the_same_table() -> None:
    page = (ROOT / "docs" / "recovery.md").read_text()
    for code, row in ROWS.items():
        ways = [_WORDS[way] for way in row.ways]
        if row.ways[-1:] not in {(Way.REPLAN,), (Way.PERSON,)}:
            ways.append("fail")
        assert f"| `{code}` | {' → '.join(ways)} | {row.why} |" in page, code


_WORDS = {
    Way.PARK: "park",
    Way.RETRY_IN_PLACE: "again in place",
    Way.RETRY: "again later",
    Way.OTHER_MODEL: "other model",
    Way.OTHER_TOOL: "other tool",
    Way.CACHED_ANSWER: "cached answer",
    Way.OTHER_AGENT: "other agent",
    Way.REPLAN: "replan",
    Way.PERSON: "person",
}
