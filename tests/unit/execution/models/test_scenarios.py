"""Scripts of the scripted model: what matches, and what is refused."""

from dataclasses import replace

import pytest

from agent_workers.domain.errors import Misdeclared
from agent_workers.execution.models.scripted.files import (
    load_script,
    parse_scenarios,
)
from agent_workers.execution.models.scripted.script import Heard, Script, fill


def heard(last_user: str = "hello", *, purpose: str = "plan", turn: int = 0) -> Heard:
    return Heard(
        model="scripted/small",
        purpose=purpose,
        turn=turn,
        last_role="user",
        last_user=last_user,
        last_tool="",
        has_tools=True,
    )


def script(rows: str) -> Script:
    return Script(parse_scenarios(f"scenarios:\n{rows}"))


def test_the_first_scenario_that_matches_is_chosen() -> None:
    chosen = script("""
  - {name: other purpose, when: {purpose: evaluate}}
  - {name: other turn, when: {turn: 1}}
  - {name: other words, when: {last_user: "refund"}}
  - {name: this, when: {purpose: plan, turn: 0, last_user: "^hel+o$", model: small}}
  - {name: too late}
""").choose(heard())
    assert chosen[0].name == "this"


def test_instructions_tell_one_agent_from_another() -> None:
    tried = script("  - {name: critic, when: {system: '^You review'}}\n  - {name: others}")
    asked = [replace(heard(), system=words) for words in ("You review.", "You write.")]
    assert [tried.choose(one)[0].name for one in asked] == ["critic", "others"]


def test_of_several_files_the_first_that_matches_answers(tmp_path) -> None:
    for name, words in (("a", "refund"), ("b", "ref")):
        rows = f"scenarios: [{{name: {name}, when: {{last_user: {words}}}}}]"
        (tmp_path / name).write_text(rows)
    both = load_script(tmp_path / "a", tmp_path / "b")
    assert [both.choose(heard(text))[0].name for text in ("refund", "refuse")] == ["a", "b"]
    assert both.choose(heard("good day"))[0].name == "everything else is echoed"


def test_a_scenario_is_used_up_after_its_times() -> None:
    tried = script("  - {name: once, times: 1}\n  - {name: then}")
    assert [tried.choose(heard())[0].name for _ in range(3)] == ["once", "then", "then"]


def test_named_groups_become_words_of_the_reply() -> None:
    rows = r"""
  - when: {last_user: 'order (?P<order>\d+)'}
    reply: {tool_calls: [{name: refund, arguments: '{"id": ${order}, "of": "${unknown}"}'}]}
"""
    scenario, words = script(rows).choose(heard("refund order 17"))
    assert fill(scenario.saying.calls[0].arguments, words) == '{"id": 17, "of": "${unknown}"}'


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (heard('use add {"a": 1}'), "a tool is asked for by name"),
        (heard("good day"), "everything else is echoed"),
        (heard(purpose="evaluate"), "an evaluator accepts"),
    ],
)
def test_the_script_that_ships_has_an_answer(asked, name) -> None:
    assert load_script().choose(asked)[0].name == name


@pytest.mark.parametrize(
    "rows",
    [
        "  - {nmae: typo}",
        "  - {when: {turns: 1}}",
        "  - {reply: {texts: a}}",
        "  - {fault: {kind: earthquake}}",
        "  - {fault: {kind: rate_limit, retry_after: 1}}",
        "  - 3",
    ],
)
def test_a_word_that_a_script_does_not_know_is_refused(rows) -> None:
    with pytest.raises(Misdeclared):
        script(rows)
