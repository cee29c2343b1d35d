"""The publishing thread: it never makes its caller wait, and outlives every kind of server."""

import os
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from agent_workers.transport.doorbells.publisher import Carried, Publisher, pause_after

PATIENCE_S = 10.0


class FakeServer:
    """Connects and carries as told; keeps what arrived."""

    def __init__(self) -> None:
        self.arrived: list[int] = []
        self.connections = 0
        self.failures_left = 0
        self.open = threading.Event()
        self.open.set()

    def connect(self) -> "FakeServer":
        self.connections += 1
        return self

    def carry(self, batch: Sequence[int]) -> Carried:
        assert self.open.wait(PATIENCE_S)
        if self.failures_left:
            self.failures_left -= 1
            raise ConnectionError("gone")
        self.arrived += batch
        return Carried(published=len(batch))

    def close(self) -> None:
        raise OSError("a broken connection cannot even be closed")


def publisher_to(server: FakeServer, *, limit: int = 100) -> Publisher[int]:
    return Publisher(server.connect, name="test", limit=limit)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_everything_arrives_in_order_over_one_connection() -> None:
    server = FakeServer()
    publisher = publisher_to(server, limit=10_000)
    publisher.put(range(2000))
    publisher.put([2000])
    publisher.close()
    assert server.arrived == list(range(2001))
    assert server.connections == 1
    assert publisher.health().published == 2001


def test_nothing_is_started_before_the_first_item() -> None:
    server = FakeServer()
    publisher = publisher_to(server)
    publisher.close()
    assert server.connections == 0


def test_after_an_error_the_same_batch_goes_over_a_new_connection() -> None:
    server = FakeServer()
    server.failures_left = 3
    publisher = publisher_to(server)
    publisher.put([1, 2])
    until(lambda: server.arrived == [1, 2])
    assert server.connections == 4
    until(lambda: publisher.health().failures_in_a_row == 0)
    assert publisher.health().failures == 3


def test_a_hung_server_neither_blocks_the_caller_nor_fills_the_memory() -> None:
    server = FakeServer()
    server.open.clear()
    publisher = publisher_to(server, limit=10)
    publisher.put([0])
    until(lambda: publisher.health().waiting == 0)
    publisher.put(range(1, 31))
    assert publisher.health().waiting == 10
    assert publisher.health().dropped == 20
    server.open.set()
    publisher.close()
    assert server.arrived == [0, *range(21, 31)]


def test_closing_waits_no_longer_than_it_may() -> None:
    server = FakeServer()
    server.open.clear()
    publisher = publisher_to(server)
    publisher.put([1])
    begun = time.monotonic()
    publisher.close(within_s=0.1)
    assert time.monotonic() - begun < PATIENCE_S / 2
    server.open.set()


def test_closing_gives_up_on_a_server_that_is_down() -> None:
    server = FakeServer()
    server.failures_left = 1_000_000
    publisher = publisher_to(server)
    publisher.put([1])
    until(lambda: publisher.health().failures_in_a_row > 2)
    publisher.close(within_s=PATIENCE_S)
    assert server.arrived == []
    publisher.put([2])
    assert publisher.health().waiting == 0


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_begins_anew_with_its_own_connection() -> None:
    server = FakeServer()
    publisher = publisher_to(server)
    publisher.put([1])
    until(lambda: server.arrived == [1])
    child = os.fork()
    if child == 0:
        publisher.put([2])
        publisher.close(within_s=PATIENCE_S)
        os._exit(0 if server.arrived == [1, 2] and server.connections == 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    publisher.close()
    assert server.arrived == [1]


def test_the_first_error_costs_no_pause_and_later_ones_ever_more() -> None:
    assert [pause_after(n) for n in (1, 2, 3, 4)] == [0.0, 0.1, 0.2, 0.4]
    assert pause_after(1000) == 5.0
