"""A heartbeat that the broker does not take is not worth the worker's loop."""

from dataclasses import dataclass, field

from agent_workers.transport.celery_app.event_batches import EventBatches


@dataclass
class Dispatcher:
    sent: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def send(self, type: str, **fields: object) -> None:  # noqa: A002 (as Celery names it)
        self.sent.append((type, fields))


@dataclass
class Consumer:
    event_dispatcher: Dispatcher
    hub: None = None


def test_no_event_is_repeated_until_the_broker_takes_it() -> None:
    dispatcher = Dispatcher()
    EventBatches(None).start(Consumer(dispatcher))
    dispatcher.send("worker-heartbeat", active=1, retry=True)
    assert dispatcher.sent == [("worker-heartbeat", {"active": 1, "retry": False})]
