"""Ladders: which model is asked next, what it costs on the way, and what the job is told of it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from agent_workers.domain.agents.agent import Agent, Purpose
from agent_workers.domain.budget import Usage
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.named.prices import Price, PriceTable
from agent_workers.execution.models.values import Message, ModelReply, ModelRequest
from agent_workers.execution.models.wrappers.capped import Capped
from agent_workers.execution.models.wrappers.ladder import Ladder, targets
from tests.unit.execution.models.fakes import said

ASKED = ModelRequest(
    model="", messages=(Message(role="user", content="hi"),), max_output_tokens=10, purpose="plan"
)
LARGE, SMALL = "p/large", "p/small"


class ByName:
    """Says for each model what it was told to, one after the other."""

    def __init__(self, **replies: Sequence[ModelReply | ModelFailed]) -> None:
        self._replies: Mapping[str, list[ModelReply | ModelFailed]] = {
            f"p/{name}": list(given) for name, given in replies.items()
        }
        self.asked: list[str] = []
        self.deadlines: list[float] = []

    def complete(self, request: ModelRequest, *, deadline_s: float) -> ModelReply:
        self.asked.append(request.model)
        self.deadlines.append(deadline_s)
        reply = self._replies[request.model].pop(0)
        if isinstance(reply, ModelFailed):
            raise reply
        return reply


def failed(
    error_class: ErrorClass, *, after_s: float | None = None, parks_on: str = "", cost: int = 0
) -> ModelFailed:
    return ModelFailed(
        error_class,
        "as told",
        retry_after=None if after_s is None else timedelta(seconds=after_s),
        spent=Usage(calls=1, cost_micro=cost),
        cost_known=True,
        parks_on=parks_on,
    )


def descend(
    model: ByName, *ladder: str, rung: int = 0, slept: list[float] | None = None
) -> ModelReply:
    names = ladder or (LARGE, SMALL)
    sleep = (slept if slept is not None else []).append
    return Ladder(model, choose=lambda _: names, rung=rung, sleep=sleep).complete(
        ASKED, deadline_s=10
    )


def test_the_first_model_that_answers_is_enough() -> None:
    model = ByName(large=[said("yes")])
    assert descend(model).degraded == ""
    assert model.asked == [LARGE]


@pytest.mark.parametrize(
    "why",
    [
        "rate_limit",
        "overloaded",
        "server_error",
        "timeout",
        "connection",
        "malformed",
        "auth",
        "quota",
        "not_found",
        "context_window",
        "unsupported",
        "unpriced",
        "breaker_open",
    ],
)
def test_the_next_model_answers_where_it_may_and_the_reply_says_so(why: str) -> None:
    model = ByName(large=[failed(ErrorClass(why))], small=[said("yes")])
    assert descend(model).degraded == f"model p/small instead of p/large ({why})"


@pytest.mark.parametrize("why", ["budget", "bad_request", "content_policy", "unknown"])
def test_no_other_model_is_asked_what_none_may_be_asked(why: str) -> None:
    model = ByName(large=[failed(ErrorClass(why))], small=[said("never")])
    with pytest.raises(ModelFailed) as caught:
        descend(model)
    assert caught.value.error_class == why
    assert model.asked == [LARGE]


def test_a_cut_answer_is_asked_of_the_next_model() -> None:
    model = ByName(large=[said("ye", finish_reason="length")], small=[said("yes")])
    assert descend(model).degraded == "model p/small instead of p/large (truncated)"


def test_the_same_model_is_asked_once_more_when_it_says_in_a_moment() -> None:
    slept: list[float] = []
    model = ByName(large=[failed(ErrorClass.RATE_LIMIT, after_s=1.5), said("yes")])
    reply = descend(model, slept=slept)
    assert (model.asked, slept) == ([LARGE, LARGE], [1.5])
    assert (reply.degraded, reply.usage.calls) == ("", 1)  # the failed one; fakes count none


def test_in_one_attempt_it_waits_in_place_only_once() -> None:
    slept: list[float] = []
    soon = [failed(ErrorClass.RATE_LIMIT, after_s=1) for _ in range(4)]
    model = ByName(large=soon[:2], small=soon[2:])
    with pytest.raises(ModelFailed):
        descend(model, slept=slept)
    assert (model.asked, slept) == ([LARGE, LARGE, SMALL], [1])


@pytest.mark.parametrize("after_s", [2.1, 600])
def test_it_does_not_wait_in_place_for_what_takes_longer(after_s: float) -> None:
    slept: list[float] = []
    model = ByName(large=[failed(ErrorClass.RATE_LIMIT, after_s=after_s)])
    with pytest.raises(ModelFailed) as told:
        descend(model, LARGE, slept=slept)
    assert (slept, told.value.retry_after) == ([], timedelta(seconds=after_s))


def test_a_model_that_has_others_behind_it_leaves_them_time() -> None:
    model = ByName(large=[failed(ErrorClass.TIMEOUT)], small=[said("yes")])
    descend(model)
    assert model.deadlines[0] == pytest.approx(6, abs=0.1)
    assert model.deadlines[1] > 9  # the fake took no time


def test_what_failed_on_the_way_is_paid_for_and_counted() -> None:
    model = ByName(large=[failed(ErrorClass.TIMEOUT, cost=500)], small=[said("yes")])
    usage = descend(model).usage
    assert (usage.cost_micro, usage.calls) == (507, 1)


def test_when_all_fail_the_step_is_told_what_gives_most_hope_and_pays_for_all() -> None:
    model = ByName(
        large=[failed(ErrorClass.SERVER_ERROR, cost=500)], small=[failed(ErrorClass.AUTH, cost=3)]
    )
    with pytest.raises(ModelFailed) as told:
        descend(model)
    broke = told.value.as_broke(worst_case_micro=10_000)
    assert (broke.code, broke.retryable) == ("model_server_error", True)
    assert (broke.usage.cost_micro, broke.usage.calls) == (503, 2)


def test_when_all_are_parked_the_step_waits_for_the_one_that_comes_first() -> None:
    model = ByName(
        large=[failed(ErrorClass.BREAKER_OPEN, after_s=30, parks_on="model:p/large")],
        small=[failed(ErrorClass.RATE_LIMIT, after_s=20, parks_on="quota:p/small")],
    )
    with pytest.raises(ModelFailed) as told:
        descend(model)
    broke = told.value.as_broke(worst_case_micro=0)
    assert (broke.parks_on, broke.retry_after_s) == ("quota:p/small", 20)


@pytest.mark.parametrize("why", ["bad_request", "content_policy", "unknown"])
def test_a_refusal_is_not_put_off_until_a_model_before_it_is_back(why: str) -> None:
    parked = failed(ErrorClass.BREAKER_OPEN, after_s=30, parks_on="model:p/large")
    model = ByName(large=[parked], small=[failed(ErrorClass(why), cost=9)])
    with pytest.raises(ModelFailed) as told:
        descend(model)
    broke = told.value.as_broke(worst_case_micro=0)
    assert (broke.code, broke.parks_on, broke.usage.cost_micro) == (f"model_{why}", "", 9)


def test_what_is_too_dear_for_one_model_waits_for_a_cheaper_one_before_it() -> None:
    parked = failed(ErrorClass.BREAKER_OPEN, after_s=30, parks_on="model:p/small")
    model = ByName(small=[parked], large=[failed(ErrorClass.BUDGET)])
    with pytest.raises(ModelFailed) as told:
        descend(model, SMALL, LARGE)
    assert told.value.parks_on == "model:p/small"


@pytest.mark.parametrize(
    ("rung", "order"),
    [(0, "abc"), (1, "bca"), (2, "cba"), (9, "cba"), (-1, "abc")],
)
def test_an_escalated_job_starts_higher_and_comes_down_only_as_a_last_resort(
    rung: int, order: str
) -> None:
    assert "".join(targets("abc", rung)) == order


def test_each_purpose_has_its_ladder() -> None:
    agent = Agent(name="a", model="p/large", ladders={"plan": ["p/large"], "evaluate": ["p/small"]})
    model = ByName(small=[said("fine")])
    request = ModelRequest(
        model="", messages=ASKED.messages, max_output_tokens=10, purpose=Purpose.EVALUATE
    )
    Ladder(model, choose=agent.ladder).complete(request, deadline_s=5)
    assert model.asked == [SMALL]


def test_a_fallback_is_held_anew_and_an_attempt_never_spends_more_than_its_hold() -> None:
    price = Price(input=0, cached=0, cache_write=0, output=1_000_000)
    prices = PriceTable(version="t", prices={LARGE: price, SMALL: price})
    model = ByName(large=[failed(ErrorClass.TIMEOUT, cost=10)], small=[said("never")])
    capped = Capped(model, prices=prices, held_micro=15)  # room for one call of at most 10
    with pytest.raises(ModelFailed) as told:
        Ladder(capped, choose=lambda _: (LARGE, SMALL)).complete(ASKED, deadline_s=5)
    assert model.asked == [LARGE]
    assert told.value.error_class is ErrorClass.TIMEOUT  # another attempt has a hold of its own
    assert told.value.spent.cost_micro == 10
