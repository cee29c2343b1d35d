"""Files of agents: YAML read strictly, with the place of every mistake."""

from datetime import timedelta

import pytest

from agent_workers.domain.agents.agent import PlanMode, Purpose
from agent_workers.domain.memory.session import OnStuckTurn
from agent_workers.execution.agents.files import Written, read_agents
from agent_workers.execution.agents.registry import Registry, load
from agent_workers.execution.values.yaml_places import Placed

DEMO = load(["agent_workers.demo.agents"])
GOOD = """\
name: desk
mode: plan_execute
ladders:
  plan: [scripted/small, scripted/large]
instructions: |
  You work for {{shop}}.
variables:
  shop: Blue Bikes
tools: [search_policy, refund]
limits:
  max_steps: 20
"""


def read(text: str, registry: Registry = DEMO) -> list[Written | Placed]:
    return list(read_agents(text, registry, file="a.yaml"))


def said(text: str) -> list[str]:
    found = read(text)
    assert all(isinstance(one, Placed) for one in found), found
    return [one.text for one in found if isinstance(one, Placed)]


def test_a_document_becomes_an_agent():
    [written] = read(GOOD)
    assert isinstance(written, Written)
    agent = written.agent.declared
    assert (agent.name, agent.mode) == ("desk", PlanMode.PLAN_EXECUTE)
    assert agent.ladder(Purpose.EVALUATE) == ("scripted/small", "scripted/large")
    assert [tool.name for tool in agent.bound_tools] == ["search_policy", "refund"]


def test_a_document_says_what_becomes_of_a_stuck_turn():
    [written] = read(GOOD + "on_stuck_turn: skip\nstuck_after_s: 90\n")
    assert isinstance(written, Written)
    agent = written.agent.declared
    assert (agent.on_stuck_turn, agent.stuck_after) == (OnStuckTurn.SKIP, timedelta(seconds=90))


def test_a_file_may_hold_several_agents():
    found = read(GOOD + "---\nname: other\nmodel: scripted/small\n---\n")
    names = [one.agent.declared.name for one in found if isinstance(one, Written)]
    assert names == ["desk", "other"]


def test_all_mistakes_of_an_agent_are_told_in_the_order_of_their_lines():
    text = GOOD.replace("{{shop}}", "{{shp}}").replace("max_steps: 20", "max_steps: 0")
    assert said(text) == [
        "a.yaml:5: instructions: unknown variable 'shp'; known: shop",
        "a.yaml:8: variables.shop: no prompt uses it",
        "a.yaml:11: limits.max_steps: it must be at least 1, not 0",
    ]


def test_a_mistake_in_a_later_document_is_placed_in_the_file():
    assert said("---\n" * 3 + "name: a\nmodel: m\ncolour: red\n") == [
        "a.yaml:6: colour: there is no such member"
    ]


def test_a_member_that_is_there_twice_is_refused():
    assert said("name: a\nmodel: m\nlimits:\n  max_steps: 1\n  max_steps: 2\n") == [
        "a.yaml:5: limits.max_steps: it is there twice"
    ]


def test_a_tool_that_two_modules_declare_cannot_be_named():
    modules = ["tests.integration.agents.tools", "tests.integration.agents.other_tools"]
    [mistake] = read("name: a\nmodel: m\ntools: [shout]\n", load(modules))
    assert isinstance(mistake, Placed)
    places = "tests/integration/agents/tools.py:{} and tests/integration/agents/other_tools.py:{}"
    assert mistake.text.endswith(
        f"tools.0: several tools are named 'shout' ({places.format(6, 6)}); rename one"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "a.yaml:1: the file holds no agent"),
        ("---\n---\n", "a.yaml:1: the file holds no agent"),
        ("5", "a.yaml:1: an agent is a mapping of members, such as `name: support`"),
        ("- name: a", "a.yaml:1: an agent is a mapping of members, such as `name: support`"),
        ("name: [", "a.yaml:1: this is not YAML: expected the node content"),
        (
            "name: a\nteam: &t [x]\nroutes: *t",
            "a.yaml:3: write the value here: aliases are not allowed",
        ),
        ("model: m", "a.yaml:1: name: it is missing"),
        ('name: "a\\0"', "a.yaml:1: text must not contain NUL"),
        ("name: a\nmodel: m\nversion: 1.10", "a.yaml:3: version: input should be a valid string"),
        ("name: a\nplan: no_function", "a.yaml:2: plan: 'no_function' is not `module:function`"),
        ("name: a\nplan: json:nothing", "a.yaml:2: plan: 'json:nothing' cannot be imported"),
        ("name: a\nplan: json:__name__", "a.yaml:2: plan: 'json:__name__' is not a function"),
        (
            "name: a\nmodel: m\ntools: [refund@12]",
            "a.yaml:3: tools.0: '12' is not the beginning of",
        ),
        ("name: a\nmodel: m\nmax_cost_usd_per_call: .nan", "a.yaml:3: max_cost_usd_per_call: "),
        ("name: a\nmodel: m\nstep_timeout_s: 0", "a.yaml:3: step_timeout_s: "),
        ("name: a\nmodel: m\nstuck_after_s: 0", "a.yaml:3: stuck_after_s: "),
        ("name: a\nmodel: m\non_stuck_turn: drop", "a.yaml:3: on_stuck_turn: "),
        ("[" * 1_200, "a.yaml:1: this is not YAML"),
    ],
)
def test_whatever_is_no_agent_is_one_line(text: str, line: str):
    first, *_ = said(text)
    assert first.startswith(line)
    assert "\n" not in first
