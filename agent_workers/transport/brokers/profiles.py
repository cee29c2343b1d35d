"""Settings of Celery and of the connections, one profile for Redis and one for RabbitMQ."""

from collections.abc import Sequence
from enum import Enum
from urllib.parse import urlsplit

from kombu.entity import Exchange, Queue

from agent_workers.domain.step import Lane
from agent_workers.transport.brokers.lanes import ORDINARY, Task, queues_of
from agent_workers.transport.brokers.tls import tls_of

# Celery would bind every queue to the default queue's exchange and key, and one message to it
# would ring in all lanes.
EXCHANGE = Exchange("nudges", type="direct")
# Before every key, so that a Redis may be shared.
KEY_PREFIX = "aw:"
# Nobody waits for a nudge, but nudges wait behind a hung one.
PUBLISH_TIMEOUT_S = 1.0
CONNECT_TIMEOUT_S = 2.0
SOCKET_TIMEOUT_S = 5.0


class Broker(Enum):
    REDIS = "redis"
    RABBITMQ = "rabbitmq"


class UnknownBroker(ValueError):
    """The broker URL names a transport that was never tested with this system."""


_SCHEMES: dict[str, Broker] = {
    "redis": Broker.REDIS,
    "rediss": Broker.REDIS,
    "redis+socket": Broker.REDIS,
    "amqp": Broker.RABBITMQ,
    "amqps": Broker.RABBITMQ,
    "pyamqp": Broker.RABBITMQ,
}


def broker_of(broker_url: str) -> Broker:
    scheme = urlsplit(broker_url).scheme
    found = _SCHEMES.get(scheme)
    if found is None:
        raise UnknownBroker(
            f"a broker URL cannot begin with {scheme!r}: use one of {', '.join(_SCHEMES)}"
        )
    return found


def celery_settings(
    broker_url: str, *, lanes: Sequence[Lane], events: bool, remote_control: bool
) -> dict[str, object]:
    """Return the whole configuration of a Celery app that consumes `lanes`."""
    broker = broker_of(broker_url)
    settings: dict[str, object] = {
        **_COMMON,
        "broker_url": broker_url,
        "broker_use_ssl": tls_of(broker_url),
        "task_queues": [declared(name, broker) for name in queues_of(lanes)],
        "task_default_queue": ORDINARY[lanes[0]],
        "worker_send_task_events": events,
        # Whoever can write to the broker could stop workers, and no password is asked.
        "worker_enable_remote_control": remote_control,
        "broker_transport_options": transport_options(broker),
    }
    match broker:
        case Broker.REDIS:
            return settings | _REDIS
        case Broker.RABBITMQ:
            return settings | _RABBITMQ


def declared(name: str, broker: Broker) -> Queue:
    """Return the queue as both ends must declare it."""
    match broker:
        case Broker.REDIS:
            return Queue(name, EXCHANGE, routing_key=name)
        case Broker.RABBITMQ:
            quorum = {"x-queue-type": "quorum"}
            return Queue(name, EXCHANGE, routing_key=name, queue_arguments=quorum)


def transport_options(broker: Broker) -> dict[str, object]:
    match broker:
        case Broker.REDIS:
            return {
                # A message is gone once it is popped. The emulation keeps a copy until the ack:
                # six more commands and half of a worker's CPU per message, and after a lost
                # connection it asks a channel that is closed, which in celery 5.7.0 ends the worker.
                "ack_emulation": False,
                # The high queue has priority; kombu's four lists per queue are three too many.
                "priority_steps": [0],
                "queue_order_strategy": "priority",
                "global_keyprefix": KEY_PREFIX,
                "socket_timeout": SOCKET_TIMEOUT_S,
                "socket_connect_timeout": CONNECT_TIMEOUT_S,
                "socket_keepalive": True,
                "health_check_interval": 10,
            }
        case Broker.RABBITMQ:
            # Without confirms a publish into a dying connection vanishes without an error.
            return {"confirm_publish": True, "connect_timeout": CONNECT_TIMEOUT_S}


_COMMON: dict[str, object] = {
    "result_backend": None,  # Postgres holds every outcome
    "task_ignore_result": True,
    "task_track_started": False,
    "task_serializer": "json",
    "result_serializer": "json",
    "event_serializer": "json",
    "accept_content": ["json"],
    "enable_utc": True,
    "timezone": "UTC",
    "task_create_missing_queues": False,
    "task_routes": {task.value: {"queue": task.value} for task in Task},
    "task_send_sent_event": False,  # only Celery's own producer could send it, and nudges are not its
    "worker_prefetch_multiplier": 1,
    "worker_disable_rate_limits": True,
    # It would kill running steps, whose leases then have to end before anybody goes on.
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "worker_enable_prefetch_count_reduction": False,
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    # No message does anything but ring, whatever its headers and its body say.
    "worker_consumer": "agent_workers.transport.celery_app.consumer:NudgeConsumer",
    "broker_connection_retry_on_startup": True,
    # A key that is no list is an error of this kind, and the default ends the worker.
    "broker_channel_error_retry": True,
    "broker_connection_max_retries": None,  # the default gives up, and the worker exits
    "broker_connection_timeout": CONNECT_TIMEOUT_S,
    "broker_pool_limit": None,
    "broker_pool_acquire_timeout": 2.0,
    "task_publish_retry_policy": {
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.1,
        "interval_max": 0.2,
    },
}

_REDIS: dict[str, object] = {
    # Redis loses a popped message with its worker whatever the ack; the lease recovers the step.
    # A late ack would only keep something to restore, which is what ends the worker (see above).
    "task_acks_late": False,
    "worker_disable_prefetch": True,
}

_RABBITMQ: dict[str, object] = {
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "worker_disable_prefetch": False,
    "task_default_queue_type": "quorum",
    "broker_heartbeat": 30,
}
