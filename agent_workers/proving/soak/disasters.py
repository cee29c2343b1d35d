"""Disasters at random: processes die or freeze, Redis forgets or dies, Postgres crashes."""

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from redis import RedisError

from agent_workers.embedded.postgres import EmbeddedPostgres
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.proving.soak.blows import Blows
from agent_workers.proving.soak.fleet import Fleet
from agent_workers.proving.soak.strangers import Strangers
from agent_workers.transport.doorbells.redis_bell import connected

_SHORTEST_S, _LONGEST_S = 0.4, 2.0
_FROZEN_S = (0.3, 6.0)
# How long after a blow what follows from it may still come.
_AFTER_S = 10.0
_NOBODY = -1
# How often it is the database or the way to it.
_STRANGE = 0.3
_POSTGRES_EVERY_S = 20.0
# Workers import for seconds before there is anything to strike.
_WARM_UP_S = 8.0


@dataclass(slots=True, kw_only=True)
class Disasters:
    fleet: Fleet
    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    random: random.Random
    blows: Blows
    strangers: Strangers
    _waking: list[threading.Timer] = field(default_factory=list)

    def strike_for(self, seconds: float) -> None:
        """One disaster after the other; whoever died is started again as a supervisor would."""
        time.sleep(min(_WARM_UP_S, seconds / 4))
        until = time.monotonic() + seconds
        next_crash = time.monotonic() + _POSTGRES_EVERY_S / 2
        while time.monotonic() < until:
            if time.monotonic() > next_crash:
                next_crash = time.monotonic() + _POSTGRES_EVERY_S
                self._crash_postgres()
            else:
                self._any()()
            time.sleep(self.random.uniform(_SHORTEST_S, _LONGEST_S))
            self.fleet.restart_dead()

    def calm(self) -> None:
        """Nothing is down or frozen any more."""
        for timer in self._waking:
            timer.cancel()
        self.strangers.calm()
        self.fleet.wake()
        self.redis.start()
        self.postgres.start()
        self.fleet.restart_dead()

    def _any(self) -> Callable[[], None]:
        if self.random.random() < _STRANGE:
            return self.strangers.next()
        choices = (self._kill, self._freeze, self._forget, self._kill_redis)
        return self.random.choices(choices, weights=(5, 5, 2, 1))[0]

    def _kill(self) -> None:
        self.blows.fall("kill -9", self._signal(signal.SIGKILL))

    def _freeze(self) -> None:
        pid, seconds = self._signal(signal.SIGSTOP), self.random.uniform(*_FROZEN_S)
        timer = threading.Timer(seconds, _wake, (pid,))
        timer.daemon = True
        timer.start()
        self._waking.append(timer)
        # Its own timer may end it as soon as it wakes.
        self.blows.fall("freeze", pid, seconds=seconds + _AFTER_S)

    def _forget(self) -> None:
        with contextlib.suppress(RedisError, OSError):
            redis = connected(self.redis.url)
            redis.flushall()
            redis.close()
        self.blows.fall("FLUSHALL", seconds=0.001)

    def _kill_redis(self) -> None:
        self.redis.kill()
        time.sleep(self.random.uniform(0.0, 1.0))
        self.redis.start()
        self.blows.fall("Redis kill", seconds=0.001)

    def _crash_postgres(self) -> None:
        self.postgres.kill_immediate()
        self.postgres.start()
        self.blows.fall("Postgres crash", seconds=_AFTER_S)

    def _signal(self, number: int) -> int:
        pids = self.fleet.pids()
        if not pids:
            return _NOBODY
        pid = self.random.choice(pids)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        return pid


def _wake(pid: int) -> None:
    if pid != _NOBODY:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
