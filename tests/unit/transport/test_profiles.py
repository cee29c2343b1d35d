"""The settings of Celery, by broker."""

import pytest

from agent_workers.domain.step import Lane
from agent_workers.transport.brokers.profiles import UnknownBroker, celery_settings
from agent_workers.transport.celery_app.app import make_app

REDIS = "redis://localhost:6379/0"
RABBITMQ = "amqp://guest:guest@localhost//"


@pytest.mark.parametrize("url", [REDIS, RABBITMQ])
def test_messages_are_json_and_results_are_kept_nowhere(url: str) -> None:
    app = make_app(url)
    assert app.conf.accept_content == ["json"]
    assert app.conf.result_backend is None
    assert app.conf.task_ignore_result
    assert type(app.backend).__name__ == "DisabledBackend"


@pytest.mark.parametrize("url", [REDIS, RABBITMQ])
def test_a_lost_broker_ends_neither_a_worker_nor_its_running_steps(url: str) -> None:
    conf = make_app(url).conf
    assert conf.broker_connection_max_retries is None
    assert conf.broker_connection_retry_on_startup
    assert conf.worker_cancel_long_running_tasks_on_connection_loss is False


def test_on_redis_nothing_is_ever_waiting_for_an_ack() -> None:
    conf = make_app(REDIS).conf
    assert conf.task_acks_late is False
    assert conf.worker_disable_prefetch is True
    assert conf.broker_transport_options["ack_emulation"] is False
    assert conf.broker_transport_options["queue_order_strategy"] == "priority"


def test_on_rabbitmq_queues_are_quorum_queues_and_messages_are_confirmed() -> None:
    conf = make_app(RABBITMQ).conf
    assert conf.task_acks_late is True
    assert conf.task_reject_on_worker_lost is True
    assert conf.worker_disable_prefetch is False
    assert conf.broker_transport_options["confirm_publish"] is True
    kinds = {queue.queue_arguments["x-queue-type"] for queue in conf.task_queues}
    assert kinds == {"quorum"}


def test_a_worker_consumes_the_queues_of_its_lanes_only() -> None:
    app = make_app(REDIS, lanes=[Lane.EFFECT])
    assert list(app.amqp.queues.consume_from) == ["effect.high", "effect"]


def test_each_queue_has_a_key_of_its_own() -> None:
    queues = make_app(REDIS).amqp.queues.values()
    assert {queue.routing_key for queue in queues} == {queue.name for queue in queues}


def test_the_app_is_nobodys_current_app() -> None:
    first, second = make_app(REDIS), make_app(RABBITMQ)
    assert first is not second
    assert first.conf.broker_url != second.conf.broker_url


def test_an_untested_broker_is_refused_by_name() -> None:
    with pytest.raises(UnknownBroker, match="'sqs'"):
        celery_settings("sqs://localhost", lanes=[Lane.PLAN], events=True, remote_control=False)


@pytest.mark.parametrize("url", [REDIS, RABBITMQ])
def test_nobody_commands_workers_through_the_broker_unless_a_setting_says_so(url: str) -> None:
    assert make_app(url).conf.worker_enable_remote_control is False
    assert make_app(url, remote_control=True).conf.worker_enable_remote_control is True
