"""What Python and the database say of the same thing, each in its own words, is the same."""

import json

import pytest

from agent_workers.domain.recovery import user_message
from agent_workers.state.jobs.submissions import COLUMNS as SUBMISSION
from agent_workers.state.steps.records import COLUMNS as STEP_RECORD
from tests.integration.state.world import World

_ATTRIBUTES = """
select a.attname, format_type(a.atttypid, a.atttypmod) from pg_attribute a
  join pg_type t on t.typrelid = a.attrelid
 where t.typname = %s and t.typnamespace = 'agent_workers'::regnamespace
   and a.attnum > 0 and not a.attisdropped order by a.attnum"""
_FULL = {"timestamptz": "timestamp with time zone"}


@pytest.mark.parametrize(
    ("type_", "columns"), [("submission", SUBMISSION), ("step_record", STEP_RECORD)]
)
def test_a_value_has_the_attributes_of_its_type_in_their_order(
    world: World, type_: str, columns: dict[str, str]
) -> None:
    with world.database.connection() as connection:
        found = connection.execute(_ATTRIBUTES, (type_,)).fetchall()
    assert found == [(name, _FULL.get(kind, kind)) for name, kind in columns.items()]


def test_a_job_that_reached_a_limit_says_the_same_to_its_user_whoever_found_it(
    world: World,
) -> None:
    said = world.one("select convert_from(limit_reached('too_many_steps', 'a \"limit\"'), 'UTF8')")
    assert json.loads(said) == {
        "code": "too_many_steps",
        "message": 'a "limit"',
        "retryable": False,
        "cause": None,
        "user_message": user_message("too_many_steps"),
    }
