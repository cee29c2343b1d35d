"""Disasters at random: processes die or freeze, Redis forgets or dies, Postgres crashes."""

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from redis import RedisError

from agent_workers.cli.prove.fleet import Fleet
from agent_workers.embedded.postgres import EmbeddedPostgres
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.transport.redis_bell import connected

_SHORTEST_S, _LONGEST_S = 0.4, 2.0
_FROZEN_S = (0.3, 6.0)
_POSTGRES_EVERY_S = 20.0
# Workers import for seconds before there is anything to strike.
_WARM_UP_S = 8.0


@dataclass(slots=True, kw_only=True)
class Disasters:
    fleet: Fleet
    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    random: random.Random
    struck: Counter[str] = field(default_factory=Counter)
    _waking: list[threading.Timer] = field(default_factory=list)

    def strike_for(self, seconds: float) -> None:
        """One disaster after the other; whoever died is started again as a supervisor would."""
        time.sleep(min(_WARM_UP_S, seconds / 4))
        until = time.monotonic() + seconds
        next_crash = time.monotonic() + _POSTGRES_EVERY_S / 2
        while time.monotonic() < until:
            if time.monotonic() > next_crash:
                next_crash = time.monotonic() + _POSTGRES_EVERY_S
                self._strike(self._crash_postgres)
            else:
                self._strike(self._any())
            time.sleep(self.random.uniform(_SHORTEST_S, _LONGEST_S))
            self.fleet.restart_dead()

    def calm(self) -> None:
        """Nothing is down or frozen any more."""
        for timer in self._waking:
            timer.cancel()
        self.fleet.wake()
        self.redis.start()
        self.postgres.start()
        self.fleet.restart_dead()

    def told(self) -> str:
        return ", ".join(f"{count} {name}" for name, count in sorted(self.struck.items()))

    def _any(self) -> Callable[[], str]:
        choices = (self._kill, self._freeze, self._forget, self._kill_redis)
        return self.random.choices(choices, weights=(5, 5, 2, 1))[0]

    def _strike(self, disaster: Callable[[], str]) -> None:
        self.struck[disaster()] += 1

    def _kill(self) -> str:
        self._signal(signal.SIGKILL)
        return "kill -9"

    def _freeze(self) -> str:
        pid = self._signal(signal.SIGSTOP)
        timer = threading.Timer(self.random.uniform(*_FROZEN_S), _wake, (pid,))
        timer.daemon = True
        timer.start()
        self._waking.append(timer)
        return "freeze"

    def _forget(self) -> str:
        with contextlib.suppress(RedisError, OSError):
            redis = connected(self.redis.url)
            redis.flushall()
            redis.close()
        return "FLUSHALL"

    def _kill_redis(self) -> str:
        self.redis.kill()
        time.sleep(self.random.uniform(0.0, 1.0))
        self.redis.start()
        return "Redis kill"

    def _crash_postgres(self) -> str:
        self.postgres.kill_immediate()
        self.postgres.start()
        return "Postgres crash"

    def _signal(self, number: int) -> int:
        pids = self.fleet.pids()
        if not pids:
            return 0
        pid = self.random.choice(pids)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        return pid


def _wake(pid: int) -> None:
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
