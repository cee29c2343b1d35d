"""One worker process under trial: an ordinary runtime whose doorbells it answers without Celery."""

import base64
import importlib
import json
import os
import random
import signal
import threading
from collections.abc import Mapping

import structlog
from redis import Redis, RedisError

from agent_workers.domain.step import Lane
from agent_workers.execution.agents.registry import Registry, load
from agent_workers.observability.logs import set_up_logs
from agent_workers.proving.process.orders import Said, Start, write
from agent_workers.proving.process.trace import Tripwires
from agent_workers.settings import Settings
from agent_workers.transport.brokers.lanes import queues_of
from agent_workers.transport.brokers.profiles import KEY_PREFIX
from agent_workers.worker.runtime import Runtime, open_runtime

log = structlog.get_logger(__name__)

_LISTEN_S = 0.2


def work(order: Start, registry: Registry, *, pipe: int, owner: int) -> int:
    """Be a worker until told to end, or until a crash point is reached."""
    _begin(order)
    trips = Tripwires(order.worker, order.trips, watch=order.watch, pipe=pipe, files=order.files)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())

    def say(event: str) -> None:
        os.write(pipe, write(Said(worker=order.worker, event=event)))

    if order.tools:
        registry = load([order.tools])
    settings = _settings(order.settings)
    lanes = tuple(Lane(lane) for lane in order.lanes)
    trips.install()
    runtime = open_runtime(settings, registry, lanes=lanes, slots=1)
    say("ready")
    bells = Doorbells(settings.broker_url, lanes)
    while not stopping.is_set() and os.getppid() == owner:
        rung = bells.wait()
        if rung is not None:
            answer(runtime, rung)
            trips.say_lines()
            say("idle")
    runtime.close()
    return 0


class Doorbells:
    """Takes the messages that Celery would take, and asks no more of them."""

    def __init__(self, broker_url: str, lanes: tuple[Lane, ...]) -> None:
        self._url = broker_url
        self._keys = [KEY_PREFIX + queue for queue in queues_of(lanes)]
        self._redis: Redis | None = None
        self._pause = threading.Event()

    def wait(self) -> tuple[str, str, int] | None:
        """Return the next nudge, or None after a short while."""
        try:
            if self._redis is None:
                self._redis = Redis.from_url(self._url, socket_timeout=5)
            took = self._redis.brpop(self._keys, timeout=_LISTEN_S)
        except (RedisError, OSError):
            self._redis = None
            self._pause.wait(_LISTEN_S)
            return None
        return None if took is None else _nudge(took[1])


def answer(runtime: Runtime, rung: tuple[str, str, int]) -> None:
    """Deliver one nudge; as in Celery, what a delivery raises ends that delivery only."""
    try:
        runtime.deliver(*rung, None)
    except Exception:
        log.exception("delivery_failed", job_id=rung[1], position=rung[2])


def _begin(order: Start) -> None:
    random.seed(order.worker)
    structlog.reset_defaults()
    set_up_logs(level="WARNING", json=True)
    if order.prepare:
        module, _, function = order.prepare.partition(":")
        getattr(importlib.import_module(module), function)()
    # What the fork-server is told is not for us.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def _settings(given: Mapping[str, str]) -> Settings:
    return Settings(**given)  # type: ignore[arg-type]  # pydantic reads the strings


def _nudge(message: bytes | str) -> tuple[str, str, int]:
    body = json.loads(base64.b64decode(json.loads(message)["body"]))
    tenant_id, job_id, position = body[0]
    return str(tenant_id), str(job_id), int(position)
