"""Provider quotas in Redis: token buckets that all workers share, each change in one script."""

from collections.abc import Mapping
from typing import Any, Final

from redis import Redis

from agent_workers.domain.models.quota import Quota, Room
from agent_workers.transport.brokers.profiles import KEY_PREFIX
from agent_workers.transport.shared.model_redis import AwayOrNot

_ROOM: Final = Room(granted=True)
_UNLIMITED: Final = Quota()
_NOTHING: Final[Mapping[str, tuple[str, ...]]] = {}
_LONGEST_WAIT_S: Final = 3_600.0

# A bucket holds ten seconds' worth: with a whole minute's worth in it, a provider that counts by
# the minute would see nearly twice its quota in the first. Buckets may go into debt, so that a
# request that is larger than a bucket goes through, and those after it wait.
# KEYS: the model's bucket, then its provider's. ARGV: patience, tokens, then both rates of each.
_RESERVE: Final = """
local time = redis.call('TIME')
local now, wait, held = time[1] + time[2] / 1000000, 0, {}
local patience, tokens = tonumber(ARGV[1]), tonumber(ARGV[2])
for i, key in ipairs(KEYS) do
  local rates = {tonumber(ARGV[1 + 2 * i]), tonumber(ARGV[2 + 2 * i])}
  local wanted, kept = {1, tokens}, redis.call('HMGET', key, 'requests', 'tokens', 'at', 'until')
  local passed = math.max(0, now - (tonumber(kept[3]) or now))
  held[i] = {}
  for n, rate in ipairs(rates) do
    local whole = math.max(1, rate / 6)
    held[i][n] = math.min(whole, (tonumber(kept[n]) or whole) + passed * rate / 60)
    if rate > 0 then
      wait = math.max(wait, (math.min(wanted[n], whole) - held[i][n]) * 60 / rate)
    end
  end
  wait = math.max(wait, (tonumber(kept[4]) or 0) - now)
end
if wait > patience then return {0, tostring(wait), 0} end
for i, key in ipairs(KEYS) do
  redis.call('HSET', key, 'requests', held[i][1] - 1, 'tokens', held[i][2] - tokens, 'at', now)
  if redis.call('TTL', key) < 600 then redis.call('EXPIRE', key, 600) end
end
return {1, tostring(wait), redis.call('HEXISTS', KEYS[1], 'strikes')}
"""
# ARGV: requests and tokens to give back, and whether the call went well.
_CORRECT: Final = """
for i, key in ipairs(KEYS) do
  if redis.call('HEXISTS', key, 'at') == 1 then
    redis.call('HINCRBYFLOAT', key, 'requests', ARGV[1])
    redis.call('HINCRBYFLOAT', key, 'tokens', ARGV[2])
    if ARGV[3] == '1' then redis.call('HDEL', key, 'strikes') end
  end
end
"""
# Calls that were under way together are refused together: only the first of them is a strike.
_COOL: Final = """
local time = redis.call('TIME')
local now, seconds = time[1] + time[2] / 1000000, tonumber(ARGV[1])
local last = tonumber(redis.call('HGET', KEYS[1], 'until')) or 0
if seconds < 0 then
  if last > now then return tostring(last - now) end
  seconds = math.min(60, 2 ^ (redis.call('HINCRBY', KEYS[1], 'strikes', 1) - 1))
end
last = math.max(last, now + seconds)
redis.call('HSET', KEYS[1], 'until', last)
redis.call('EXPIRE', KEYS[1], math.ceil(last - now) + 600)
return tostring(last - now)
"""


class RedisQuotas:
    """Requests and tokens per minute of models and of whole providers; both must have room."""

    def __init__(
        self,
        redis: AwayOrNot,
        quotas: Mapping[str, Quota],
        shares: Mapping[str, tuple[str, ...]] = _NOTHING,
    ) -> None:
        self._redis = redis
        self._quotas = quotas
        # Whose room a model takes besides its own, where it is not that of its provider.
        self._shares = shares
        # Models that were cooled and have not answered since, as far as this process knows.
        self._struck: set[str] = set()

    def reserve(self, model: str, *, tokens: int, patience_s: float) -> Room:
        """Take room in both buckets, or in none."""
        rates: list[float] = []
        for name in self._names(model):
            quota = self._quotas.get(name, _UNLIMITED)
            rates += (quota.requests_per_minute, quota.tokens_per_minute)
        arguments = (patience_s, tokens, *rates)
        # With Redis away, the provider itself says when it is enough.
        granted, wait, struck = self._redis.ask(
            lambda redis: self._run(redis, _RESERVE, model, *arguments), (1, 0, 0)
        )
        if struck:
            self._struck.add(model)
        # Whatever stands in Redis, somebody looks again.
        return Room(granted=bool(granted), wait_s=min(max(0.0, float(wait)), _LONGEST_WAIT_S))

    def settle(self, model: str, *, reserved: int, used: int) -> None:
        """Correct the tokens by what was used, and forget that the model was cooled."""
        if self._is_limited(model) or model in self._struck:
            self._struck.discard(model)
            self._correct(model, 0, reserved - used, 1)

    def release(self, model: str, *, reserved: int) -> None:
        """Give all of it back."""
        if self._is_limited(model):
            self._correct(model, 1, reserved, 0)

    def cool(self, model: str, *, seconds: float | None) -> float | None:
        """Let nobody in for a while: from a second to a minute when it is not said how long."""
        asked = -1.0 if seconds is None else seconds
        cooled = self._redis.ask(lambda redis: self._run(redis, _COOL, model, asked), None)
        return None if cooled is None else float(cooled)

    def _correct(self, model: str, *arguments: int) -> None:
        self._redis.ask(lambda redis: self._run(redis, _CORRECT, model, *arguments), None)

    def _is_limited(self, model: str) -> bool:
        return not self._quotas.keys().isdisjoint(self._names(model))

    def _names(self, model: str) -> tuple[str, ...]:
        others = self._shares.get(model, (model.partition("/")[0],))
        return (model, *(one for one in others if one in self._quotas and one != model))

    # Any: what a script returns.
    def _run(self, redis: Redis, script: str, model: str, *arguments: float) -> Any:  # noqa: ANN401
        keys = [f"{KEY_PREFIX}quota:{name}" for name in self._names(model)]
        return redis.register_script(script)(keys=keys, args=arguments)
