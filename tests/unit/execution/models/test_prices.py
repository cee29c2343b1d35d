"""Prices: integers, rounded up, and never below what a call can cost."""

import pytest

from agent_workers.domain.budget import Usage
from agent_workers.domain.errors import Misdeclared
from agent_workers.execution.models.failures import ErrorClass, ModelFailed, ModelUnpriced
from agent_workers.execution.models.named.prices import Price, default_prices, load_prices
from agent_workers.execution.models.values import Message, ModelRequest
from agent_workers.execution.models.wrappers.capped import Capped
from tests.unit.execution.models.fakes import SaidModel, said

TABLE = """
version: "2026-01-01"
models:
  a/m: {input: "3", cached: "0.30", cache_write: "3.75", output: "15"}
  a/plain: {input: "0.15", output: "0.60"}
"""


def request(text: str, model: str = "a/m", max_output_tokens: int = 100) -> ModelRequest:
    return ModelRequest(
        model=model,
        messages=(Message(role="user", content=text),),
        max_output_tokens=max_output_tokens,
        purpose="test",
    )


def test_each_kind_of_token_has_its_price() -> None:
    usage = Usage(input=1_000, cached=600, cache_write=100, output=50, reasoning=20)
    priced = load_prices(TABLE.encode()).priced("a/m", usage)
    # 300 x 3 + 600 x 0.30 + 100 x 3.75 + 50 x 15; reasoning tokens are output tokens already
    assert priced.cost_micro == 900 + 180 + 375 + 750


def test_a_part_of_a_micro_dollar_is_rounded_up() -> None:
    price = Price(input=1, cached=1, cache_write=1, output=1)
    assert price.cost_micro(Usage(input=1)) == 1
    assert price.cost_micro(Usage()) == 0


def test_cached_tokens_without_a_price_of_their_own_cost_the_full_price() -> None:
    priced = load_prices(TABLE.encode()).priced("a/plain", Usage(input=1_000_000, cached=500_000))
    assert priced.cost_micro == 150_000


def test_a_model_without_a_price_is_refused() -> None:
    with pytest.raises(ModelUnpriced) as caught:
        load_prices(TABLE.encode()).of("a/other")
    told = "model 'a/other' has no price: give it `prices` in models.yaml (0 if it costs nothing)"
    assert str(caught.value) == told


def test_any_change_of_the_table_is_another_version() -> None:
    before, after = load_prices(TABLE.encode()), load_prices(TABLE.replace("0.60", "0.61").encode())
    assert before.version != after.version
    assert before.version.startswith("2026-01-01+")


@pytest.mark.parametrize("bad", ['{input: "x", output: "1"}', '{input: "1"}', '{input: "1e-9", output: "1"}',
                                 '{input: "1", output: "-1"}', '{input: "1", output: "1", cach: "1"}'])  # fmt: skip
def test_a_price_that_cannot_be_meant_is_refused(bad) -> None:
    with pytest.raises(Misdeclared):
        load_prices(f"version: x\nmodels:\n  a/m: {bad}\n".encode())


def test_the_table_that_ships_prices_the_scripted_models() -> None:
    assert {"scripted/small", "scripted/large"} <= default_prices().prices.keys()


@pytest.mark.parametrize("text", ["a" * 1_000, "七" * 1_000, "🧮" * 1_000, "\x00\ud800" * 100])
def test_the_worst_case_counts_a_token_for_each_byte(text) -> None:
    worst = load_prices(TABLE.encode()).worst_case_micro(request(text))
    tokens = len(text.encode(errors="surrogatepass"))
    assert worst >= tokens * 375 // 100 + 100 * 15


def test_a_capped_model_makes_no_call_that_it_might_not_be_able_to_pay() -> None:
    prices = load_prices(TABLE.encode())
    worst = prices.worst_case_micro(request("hi"))
    model = SaidModel(said("one"), said("two"))
    capped = Capped(model, prices=prices, held_micro=worst)
    capped.complete(request("hi"), deadline_s=1)
    with pytest.raises(ModelFailed) as failed:
        capped.complete(request("hi"), deadline_s=1)
    assert failed.value.error_class is ErrorClass.BUDGET
    assert len(model.asked) == 1
