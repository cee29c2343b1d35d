"""What is said before the first call: no price, no key, and nothing where all is well."""

import subprocess
import sys

import pytest

from agent_workers.execution.models.configured import KEYS, problems_of_models
from agent_workers.execution.models.prices import default_prices

PRICES = default_prices()


def test_the_scripted_model_needs_nothing() -> None:
    assert problems_of_models(["scripted/small"], PRICES, {}) == []


def test_a_model_without_a_price_is_named_with_the_one_that_was_meant() -> None:
    assert problems_of_models(["openai/gpt5-mini"], PRICES, {"OPENAI_API_KEY": "k"}) == [
        "model 'openai/gpt5-mini' is not in the price table; did you mean 'openai/gpt-5-mini'?"
    ]


def test_a_model_without_a_key_is_named_once_with_its_variable() -> None:
    names = ["openai/gpt-5", "openai/gpt-5"]
    assert problems_of_models(names, PRICES, {}) == [
        "model 'openai/gpt-5' has no key: set OPENAI_API_KEY"
    ]


@pytest.mark.parametrize("name", ["gemini/gemini-2.5-flash"])
@pytest.mark.parametrize("variable", ["GEMINI_API_KEY", "GOOGLE_API_KEY"])
def test_one_of_several_variables_is_enough(name: str, variable: str) -> None:
    assert problems_of_models([name], PRICES, {variable: "k"}) == []
    assert problems_of_models([name], PRICES, {variable: ""}) != []


@pytest.mark.parametrize("reached", ["openai", "openai/gpt-5"])
def test_what_is_reached_by_other_means_needs_no_variable(reached: str) -> None:
    assert problems_of_models(["openai/gpt-5"], PRICES, {}, reached=[reached]) == []


def test_every_provider_of_the_price_table_has_its_variables_named() -> None:
    assert {name.partition("/")[0] for name in PRICES.prices} <= KEYS.keys()


def test_it_loads_no_litellm() -> None:
    code = (
        "import sys; from agent_workers.execution.models import configured;"
        " sys.exit('litellm' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
