"""Prompts: every variable is known, every one is used, and values are only ever text."""

import pytest

from agent_workers import Agent, Purpose
from agent_workers.domain.agents.prompt import filled, prompt_hash, variables_of
from agent_workers.domain.errors import Misdeclared
from agent_workers.execution.agents.prompts import rendered


def test_variables_are_found_by_name():
    assert variables_of("{{a}} and {{ b_2 }}, {{a}}") == {"a", "b_2"}


def test_values_take_the_place_of_variables():
    assert filled("Work for {{shop}}, {{ tone }}.", {"shop": "Bikes", "tone": "kindly"}) == (
        "Work for Bikes, kindly."
    )


def test_what_a_value_contains_is_not_looked_at_again():
    assert filled("{{a}}", {"a": "{{b}}", "b": "secret"}) == "{{b}}"


def test_escaped_braces_stay_as_they_are():
    assert filled(r"Write \{{name}} for {{a}}; {\"x\": {\"y\": 1}}", {"a": "it"}) == (
        r"Write {{name}} for it; {\"x\": {\"y\": 1}}"
    )


def test_an_unknown_variable_is_named_with_those_that_are_known():
    with pytest.raises(Misdeclared, match=r"unknown variable 'shp'; known: shop"):
        filled("{{shp}}", {"shop": "Bikes"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("one\n{{ 2x }}", "line 2 of the text: '{{ 2x }}' is not a variable"),
        ("{{input.name}}", "line 1 of the text: '{{input.name}}' is not a variable"),
        ("{{}}", "is not a variable"),
        ("one\ntwo {{ three", "line 2 of the text: '{{' is never closed"),
    ],
)
def test_braces_that_name_no_variable_are_refused(text: str, said: str):
    with pytest.raises(Misdeclared, match="line") as refused:
        variables_of(text)
    assert said in str(refused.value)


def test_a_purpose_has_its_own_prompt_or_the_instructions():
    agent = Agent(
        name="a",
        model="m",
        instructions="Plan for {{who}}.",
        prompts={"evaluate": "Judge {{who}}."},
        variables={"who": "Ann"},
    )
    assert rendered(agent, Purpose.PLAN) == rendered(agent, Purpose.SUMMARISE) == "Plan for Ann."
    assert rendered(agent, Purpose.EVALUATE) == "Judge Ann."


def test_the_hash_of_a_prompt_is_that_of_what_its_author_wrote():
    assert prompt_hash("{{a}}") == prompt_hash("{{a}}") != prompt_hash("{{ a }}")
