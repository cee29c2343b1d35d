"""Breakers and quotas around a model: when nothing is sent, and what is told of a call."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from agent_workers.domain.budget import Usage
from agent_workers.domain.ids import TenantId
from agent_workers.domain.models.quota import Room
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.values import Message, ModelRequest
from agent_workers.execution.models.wrappers.behind_breaker import BehindBreaker
from agent_workers.execution.models.wrappers.metered import Metered
from tests.unit.execution.models.fakes import SaidModel, said

TENANT = TenantId("acme")
ASKED = ModelRequest(
    model="p/m",
    messages=(Message(role="user", content="hi"),),
    max_output_tokens=10,
    purpose="plan",
)


@dataclass
class Breaker:
    wait_s: float | None = None
    told: list[tuple[str, bool | None]] = field(default_factory=list)

    def ask(self, name: str, tenant_id: TenantId) -> float | None:
        assert (name, tenant_id) == ("model:p/m", TENANT)
        return self.wait_s

    def tell(self, name: str, tenant_id: TenantId, failed: bool) -> None:  # noqa: ARG002, FBT001 - the Protocol's
        self.told.append((name, failed))

    def let_go(self, name: str, tenant_id: TenantId) -> None:  # noqa: ARG002 - the Protocol's
        self.told.append((name, None))

    def is_open(self, name: str, tenant_id: TenantId) -> bool:  # noqa: ARG002 - the Protocol's
        return self.wait_s is not None


@dataclass
class Meter:
    room: Room = field(default_factory=lambda: Room(granted=True))
    cools: float | None = 20.0
    seen: list[tuple[object, ...]] = field(default_factory=list)

    def reserve(self, model: str, *, tokens: int, patience_s: float) -> Room:  # noqa: ARG002
        return self.room

    def settle(self, model: str, *, reserved: int, used: int) -> None:  # noqa: ARG002
        self.seen.append(("settle", used))

    def release(self, model: str, *, reserved: int) -> None:  # noqa: ARG002
        self.seen.append(("release",))

    def cool(self, model: str, *, seconds: float | None) -> float | None:  # noqa: ARG002
        self.seen.append(("cool", seconds))
        return self.cools


def test_an_open_breaker_sends_nothing_and_says_what_to_wait_for() -> None:
    model, breaker = SaidModel(said("never")), Breaker(wait_s=12)
    with pytest.raises(ModelFailed) as failed:
        BehindBreaker(model, breakers=breaker, tenant_id=TENANT).complete(ASKED, deadline_s=9)
    broke = failed.value.as_broke(worst_case_micro=99)
    assert (broke.code, broke.parks_on, broke.retry_after_s) == (
        "model_breaker_open",
        "model:p/m",
        12,
    )
    assert (broke.usage, model.asked, breaker.told) == (Usage(), [], [])


@pytest.mark.parametrize("error_class", list(ErrorClass))
def test_only_what_says_that_a_model_is_down_counts_against_it(error_class: ErrorClass) -> None:
    breaker = Breaker()
    with pytest.raises(ModelFailed):
        BehindBreaker(
            SaidModel(ModelFailed(error_class, "x")), breakers=breaker, tenant_id=TENANT
        ).complete(ASKED, deadline_s=9)
    down = {"overloaded", "server_error", "timeout", "connection", "malformed", "auth", "quota"}
    assert breaker.told == [("model:p/m", error_class in down)]


def test_a_call_that_had_no_time_says_nothing_of_its_model() -> None:
    breaker = Breaker()
    late = SaidModel(ModelFailed(ErrorClass.TIMEOUT, "x"))
    with pytest.raises(ModelFailed):
        BehindBreaker(late, breakers=breaker, tenant_id=TENANT).complete(ASKED, deadline_s=1)
    assert breaker.told == [("model:p/m", None)]


def test_an_answer_is_told() -> None:
    breaker = Breaker()
    BehindBreaker(SaidModel(said("yes")), breakers=breaker, tenant_id=TENANT).complete(
        ASKED, deadline_s=9
    )
    assert breaker.told == [("model:p/m", False)]


def metered(model: SaidModel, meter: Meter, slept: list[float] | None = None) -> Metered:
    sleep = (slept if slept is not None else []).append
    return Metered(model, quotas=meter, sleep=sleep, jitter=lambda: 1.0)


def test_a_moment_is_waited_for_in_place() -> None:
    slept: list[float] = []
    meter = Meter(room=Room(granted=True, wait_s=1.5))
    metered(SaidModel(said("yes")), meter, slept).complete(ASKED, deadline_s=9)
    assert (slept, meter.seen) == ([1.5], [("settle", 15)])


def test_longer_waits_get_a_due_time_and_are_spread() -> None:
    slept: list[float] = []
    model, meter = SaidModel(said("never")), Meter(room=Room(granted=False, wait_s=8))
    with pytest.raises(ModelFailed) as failed:
        metered(model, meter, slept).complete(ASKED, deadline_s=9)
    broke = failed.value.as_broke(worst_case_micro=99)
    assert (broke.parks_on, broke.retry_after_s) == ("quota:p/m", 10)
    assert (broke.usage, model.asked, slept) == (Usage(), [], [])


@pytest.mark.parametrize("said_s", [None, 7.0])
def test_a_429_cools_the_bucket_and_the_step_waits_as_long_as_it(said_s: float | None) -> None:
    wait = None if said_s is None else timedelta(seconds=said_s)
    meter = Meter()
    model = SaidModel(ModelFailed(ErrorClass.RATE_LIMIT, "x", retry_after=wait))
    with pytest.raises(ModelFailed) as failed:
        metered(model, meter).complete(ASKED, deadline_s=9)
    assert meter.seen == [("release",), ("cool", said_s)]
    assert (failed.value.parks_on, failed.value.retry_after) == (
        "quota:p/m",
        timedelta(seconds=20),
    )


def test_a_429_of_which_nobody_else_hears_is_an_attempt_like_any_other() -> None:
    model = SaidModel(ModelFailed(ErrorClass.RATE_LIMIT, "x"))
    with pytest.raises(ModelFailed) as failed:
        metered(model, Meter(cools=None)).complete(ASKED, deadline_s=9)
    assert (failed.value.parks_on, failed.value.retry_after) == ("", None)


def test_what_may_have_been_billed_stays_taken() -> None:
    meter = Meter()
    billed = ModelFailed(ErrorClass.TIMEOUT, "x", spent=Usage(cost_micro=5, calls=1))
    with pytest.raises(ModelFailed):
        metered(SaidModel(billed), meter).complete(ASKED, deadline_s=9)
    assert meter.seen == []
