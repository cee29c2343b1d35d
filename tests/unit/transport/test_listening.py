"""A port that cannot be had is one line that says what to change."""

import socket

import pytest

from agent_workers.domain.running.exits import Away, WronglyTold
from agent_workers.transport.brokers.listening import check_port

_LOOPBACK = "127.0.0.1"


def test_a_free_port_is_left_free() -> None:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port = probe.getsockname()[1]
    check_port(_LOOPBACK, port, to_change="--port")
    check_port(_LOOPBACK, port, to_change="--port")


def test_a_taken_port_says_what_to_change_and_may_be_free_later() -> None:
    with socket.socket() as taken:
        taken.bind((_LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Away, match=rf"port {port} of 127.0.0.1 is taken.*--port \(X\)"):
            check_port(_LOOPBACK, port, to_change="--port (X)")


def test_an_address_that_is_not_ours_will_not_become_so() -> None:
    with pytest.raises(WronglyTold, match=r"port 8000 of 192\.0\.2\.1 .*: change --port"):
        check_port("192.0.2.1", 8000, to_change="--port")
