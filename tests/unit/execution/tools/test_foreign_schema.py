"""Checks by schemas that strangers wrote: what they find, and what they cannot be made to do."""

import pytest
from pydantic import ValidationError

from agent_workers.execution.values.foreign_schema import misfits, schema_mistake
from agent_workers.execution.values.signature import model_of

TAKES = {
    "type": "object",
    "properties": {"pattern": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}


def test_arguments_are_held_against_the_schema_and_told_by_place() -> None:
    model = model_of("grep", TAKES)
    assert model.model_validate_json('{"n": 1, "pattern": "a"}').root == {"n": 1, "pattern": "a"}
    with pytest.raises(ValidationError) as raised:
        model.model_validate_json('{"n": "one", "pattern": 2, "more": 3}')
    assert {one["loc"] for one in raised.value.errors()} == {("n",), ("pattern",), ()}
    with pytest.raises(ValidationError):
        model.model_validate_json("[]")


def test_a_schema_that_doubles_the_work_at_every_level_is_given_up() -> None:
    again = {"properties": {"x": {"$ref": "#/$defs/a"}}}
    schema = {
        "$ref": "#/$defs/a",
        "$defs": {"a": {"anyOf": [again, again], "required": ["nothing"]}},
    }
    value: dict[str, object] = {}
    for _ in range(60):
        value = {"x": value}
    assert misfits(schema, value) == [((), "checking it takes too long")]


@pytest.mark.parametrize("draft", ["", "http://json-schema.org/draft-07/schema#"])
def test_patterns_are_left_to_the_server_in_whatever_draft_they_are_written(draft: str) -> None:
    part = {"type": "string", "pattern": "^(a+)+$"} | ({"$schema": draft} if draft else {})
    schema = {"type": "object", "properties": {"a": part}} | ({"$schema": draft} if draft else {})
    assert misfits(schema, {"a": "a" * 60 + "!"}) == []
    assert misfits(schema, {"a": 1}) != []


@pytest.mark.parametrize(
    "schema",
    [{"$ref": "http://127.0.0.1/x"}, {"type": "objekt"}, {"$ref": "#/nowhere"}, {"items": 5}],
)
def test_a_schema_that_could_check_nothing_is_refused_and_nothing_is_fetched(
    schema: dict[str, object],
) -> None:
    assert schema_mistake(schema) != ""
