"""`agent-workers tools check`: what a declaration leaves to be guessed, and what cannot work."""

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from uuid import uuid4

import pytest

from agent_workers import Call, Effect, Found, tool
from agent_workers.cli.main import main
from agent_workers.cli.tools.checks import check_tool
from agent_workers.domain.tools.tool import Tool
from agent_workers.execution.agents.registry import load
from agent_workers.execution.tools.builtins import builtin_tools
from agent_workers.terminal.findings import Level

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def looked(at: str, *, call: Call) -> Found[str]:
    return Found(f"{at} {call.key}")


def needs_more(at: str, other: str) -> Found[str]:
    return Found(at + other)


def takes_nothing() -> Found[str]:
    return Found("")


@tool(effect=Effect.RECONCILABLE, timeout=SECOND, look_up=looked)
def good(at: str) -> str:
    """Do it."""
    return at


@tool(effect=Effect.PURE, timeout=SECOND)
def listed(at: str) -> str:
    """Look."""
    return at


@tool()
def silent(at: str):
    return at


@tool(effect=Effect.KEYED, key_ttl=HOUR, timeout=SECOND)
def pays(at: str) -> str:
    """Pay, with nothing to look at afterwards."""
    return at


def said(*tools: Tool) -> list[tuple[Level, str]]:
    registry = load([], beside=tools)
    found = check_tool(registry.tools[tools[0].name], registry)
    return [(one.level, one.text) for one in found]


def test_a_tool_that_says_all_of_it_is_well_declared() -> None:
    assert said(good) == [(Level.OK, "good: reconcilable, nothing is missing")]


def test_what_is_not_said_is_told_one_by_one() -> None:
    assert said(silent) == [
        (Level.FAIL, "silent: its effect is not declared"),
        (Level.FAIL, "silent: its time-out is not set"),
        (Level.FAIL, "silent: it has no docstring"),
        (Level.WARN, "silent: its return type is not declared"),
    ]


def test_a_pure_tool_may_leave_its_time_out_unsaid() -> None:
    timed = replace(listed, unsaid=("timeout",))
    assert said(timed) == [(Level.OK, "listed: pure, nothing is missing")]


def test_a_tool_of_a_server_that_nobody_has_approved_yet_lacks_no_docstring() -> None:
    of_server = replace(listed, description="", schema={"type": "object"})
    assert said(of_server) == [(Level.OK, "listed: pure, nothing is missing")]


def test_keys_that_end_before_anybody_can_look_are_worth_a_word() -> None:
    assert said(pays) == [(Level.WARN, "pays: its keys expire after 1 h")]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (replace(good, look_up=needs_more), "its look-up needs 'other', which the tool"),
        (replace(good, look_up=takes_nothing), "its look-up does not take 'at'"),
        (replace(good, fallback="nowhere"), "its fallback 'nowhere' is not a loaded tool"),
    ],
)
def test_what_cannot_work_is_found_before_a_crash_finds_it(wrong: Tool, words: str) -> None:
    [(level, text)] = said(wrong)
    assert (level, words in text) == (Level.FAIL, True)


def test_two_tools_of_one_name_are_told() -> None:
    [(level, text)] = said(good, replace(good))
    place = r"tests/unit/cli/test_tools_checks\.py:\d+"
    assert level is Level.FAIL
    assert re.fullmatch(rf"good: several tools have this name \({place} and {place}\)", text)


def test_every_built_in_tool_and_the_demo_s_are_well_declared() -> None:
    registry = load(["agent_workers.demo.agents"], beside=builtin_tools(checks_mail=True))
    found = [one for tool in registry.tools.values() for one in check_tool(tool, registry)]
    assert [one.text for one in found if one.level is Level.FAIL] == []


@pytest.fixture
def module() -> str:
    made = ModuleType(f"tools_{uuid4().hex}")
    made.good, made.silent, made.pays = good, silent, pays  # type: ignore[attr-defined]  # as a user's
    sys.modules[made.__name__] = made
    return made.__name__


@pytest.mark.parametrize(
    ("names", "code"),
    [(["good"], 0), (["pays"], 0), (["pays", "--strict"], 1), ([], 1), (["goot"], 1)],
)
def test_the_exit_code_says_whether_anything_is_missing(
    module: str, names: Sequence[str], code: int
) -> None:
    assert main(["tools", "check", "--tools", module, *names]) == code


def test_a_list_has_a_line_for_each_and_a_tool_is_shown_with_its_schemas(
    module: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tools", "list", "--tools", module]) == 0
    assert " reconcilable " in capsys.readouterr().out
    assert main(["tools", "show", "good", "--tools", module]) == 0
    shown = capsys.readouterr().out
    assert all(words in shown for words in ("Do it.", "timeout_s       1", '"at"', "result:"))
