"""What every quota promises: room is given once, and one that is cooled lets nobody in."""

import time
from collections.abc import Mapping
from uuid import uuid4

import pytest

from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.models.quota import Quota, read_quotas
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.execution.models.ports import Quotas
from agent_workers.execution.models.wrappers.metered import NoQuotas
from agent_workers.transport.shared.model_quotas import RedisQuotas
from agent_workers.transport.shared.model_redis import AwayOrNot


def shared(server: EmbeddedRedis, **quotas: Quota) -> RedisQuotas:
    """The quotas of one more worker."""
    return RedisQuotas(AwayOrNot(server.url), quotas)


@pytest.fixture
def provider() -> str:
    return f"p{uuid4().hex}"


def taken(quotas: Quotas, model: str, times: int, *, tokens: int = 1) -> int:
    rooms = [quotas.reserve(model, tokens=tokens, patience_s=0) for _ in range(times)]
    return sum(room.granted for room in rooms)


@pytest.mark.parametrize("kind", ["redis", "redis is away", "none"])
def test_without_a_quota_there_is_always_room(
    kind: str, provider: str, redis_server: EmbeddedRedis
) -> None:
    made: Mapping[str, Quotas] = {
        "redis": shared(redis_server),
        "redis is away": RedisQuotas(AwayOrNot("redis://127.0.0.1:1/0"), {}),
        "none": NoQuotas(),
    }
    assert taken(made[kind], f"{provider}/m", 50) == 50
    made[kind].settle(f"{provider}/m", reserved=1, used=1)
    made[kind].release(f"{provider}/m", reserved=1)


def test_workers_share_the_requests_of_a_minute(provider: str, redis_server: EmbeddedRedis) -> None:
    quota = {provider: Quota(requests_per_minute=60)}  # ten of them at once
    first, second = shared(redis_server, **quota), shared(redis_server, **quota)
    began = time.monotonic()
    both = taken(first, f"{provider}/a", 8) + taken(second, f"{provider}/b", 8)
    assert 10 <= both <= 10 + int(time.monotonic() - began)  # each second makes room for one
    while (refused := second.reserve(f"{provider}/a", tokens=1, patience_s=0)).granted:
        pass
    assert 0 < refused.wait_s <= 1


def test_whoever_waits_a_moment_gets_a_place_of_its_own(
    provider: str, redis_server: EmbeddedRedis
) -> None:
    quotas = shared(redis_server, **{provider: Quota(requests_per_minute=6)})
    taken(quotas, f"{provider}/a", 1)
    rooms = [quotas.reserve(f"{provider}/a", tokens=1, patience_s=25) for _ in range(3)]
    assert [room.granted for room in rooms] == [True, True, False]
    assert rooms[0].wait_s < rooms[1].wait_s - 5


def test_tokens_are_settled_by_what_was_used(provider: str, redis_server: EmbeddedRedis) -> None:
    quotas = shared(redis_server, **{provider: Quota(tokens_per_minute=600)})  # 100 at once
    model = f"{provider}/a"
    assert taken(quotas, model, 2, tokens=80) == 1
    quotas.settle(model, reserved=80, used=10)
    assert taken(quotas, model, 2, tokens=80) == 1


def test_what_was_not_sent_is_given_back(provider: str, redis_server: EmbeddedRedis) -> None:
    quotas = shared(redis_server, **{provider: Quota(requests_per_minute=6)})
    model = f"{provider}/a"
    assert taken(quotas, model, 2) == 1
    quotas.release(model, reserved=1)
    assert taken(quotas, model, 2) == 1


def test_a_request_larger_than_a_bucket_goes_through_and_the_next_one_waits(
    provider: str, redis_server: EmbeddedRedis
) -> None:
    quotas = shared(redis_server, **{provider: Quota(tokens_per_minute=600)})
    assert quotas.reserve(f"{provider}/a", tokens=1_000, patience_s=0).granted
    assert quotas.reserve(f"{provider}/a", tokens=1, patience_s=0).wait_s > 60


def test_one_429_cools_the_model_for_all_workers_and_no_other_model(
    provider: str, redis_server: EmbeddedRedis
) -> None:
    first, second = shared(redis_server), shared(redis_server)
    assert first.cool(f"{provider}/a", seconds=20) == pytest.approx(20, abs=1)
    room = second.reserve(f"{provider}/a", tokens=1, patience_s=2)
    assert (room.granted, 18 < room.wait_s <= 20) == (False, True)
    assert taken(second, f"{provider}/b", 1) == 1


def test_without_a_time_it_cools_for_longer_each_time_until_a_call_goes_well(
    provider: str, redis_server: EmbeddedRedis
) -> None:
    quotas, model = shared(redis_server), f"{provider}/a"
    assert quotas.cool(model, seconds=None) == pytest.approx(1, abs=0.1)
    together = quotas.cool(model, seconds=None)
    assert together is not None
    assert 0 < together < 1  # what is left of the first
    time.sleep(1.05)
    assert quotas.cool(model, seconds=None) == pytest.approx(2, abs=0.1)
    quotas.reserve(model, tokens=1, patience_s=5)
    quotas.settle(model, reserved=1, used=1)
    time.sleep(2.05)
    assert quotas.cool(model, seconds=None) == pytest.approx(1, abs=0.1)


def test_without_redis_nobody_hears_of_a_429() -> None:
    quotas = RedisQuotas(AwayOrNot("redis://127.0.0.1:1/0"), {})
    assert quotas.cool("any/model", seconds=5) is None


@pytest.mark.parametrize("row", [{"rpm": 5}, {}, 5, {"requests_per_minute": 0}])
def test_a_quota_that_means_nothing_is_refused(row: object) -> None:
    with pytest.raises(Misdeclared, match="the quota of 'openai'"):
        read_quotas({"openai": row})


def test_a_429_on_a_key_of_a_tenants_own_pauses_nobody_else(
    provider: str, redis_server: EmbeddedRedis
) -> None:
    whole = {provider: Quota(requests_per_minute=6)}  # one of them at once
    own, everybodys = f"fast@{provider}", f"fast-{provider}"
    shares = {everybodys: (f"{provider}/m", provider), own: ()}
    quotas = RedisQuotas(AwayOrNot(redis_server.url), whole, shares)
    quotas.cool(own, seconds=30)
    assert taken(quotas, own, 1) == 0
    assert taken(quotas, everybodys, 1) == 1
    assert taken(quotas, everybodys, 1) == 0  # the room of the provider, which it shares
