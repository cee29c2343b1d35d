"""Our price table against the list that litellm carries: never lower."""

import pytest

from agent_workers.execution.models.named.prices import default_prices
from tests.integration.models.gateway import the_litellm

TABLE = default_prices()
REAL = sorted(name for name in TABLE.prices if not name.startswith("scripted/"))


@pytest.mark.parametrize("model", REAL)
def test_no_price_of_ours_is_below_litellms(model) -> None:
    listed = the_litellm().model_cost
    row = listed.get(model) or listed[model.partition("/")[2]]
    ours = TABLE.prices[model]
    for field, price in (
        ("input_cost_per_token", ours.input),
        ("output_cost_per_token", ours.output),
        ("cache_read_input_token_cost", ours.cached),
        ("cache_creation_input_token_cost", ours.cache_write),
    ):
        assert price >= round((row.get(field) or 0) * 10**12)


@pytest.mark.parametrize("model", REAL)
def test_no_model_in_our_table_costs_more_for_long_prompts(model) -> None:
    listed = the_litellm().model_cost
    row = listed.get(model) or listed[model.partition("/")[2]]
    assert [field for field in row if "above" in field and field.endswith("k_tokens")] == []
