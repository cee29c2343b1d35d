"""The judge itself: it counts what happened, and can be as bad as any API."""

import asyncio
import socket
from http.client import RemoteDisconnected
from urllib.parse import urlsplit

import pytest

from agent_workers.domain.errors import NotExecuted, ToolError
from agent_workers.testing import counting
from agent_workers.testing.counting import Wish

# Whoever is slow hangs up by itself, after a second.
_TIMEOUT_S = 20.0


def test_every_request_without_a_key_that_is_honoured_happens(counter_url: str) -> None:
    for _ in range(2):
        act(counter_url, "plain", keyed=False)
    assert counting.count(counter_url, "plain").applied == 2


def test_an_honoured_key_happens_once_and_gives_the_first_result_again(counter_url: str) -> None:
    assert act(counter_url, "once", keyed=True) == act(counter_url, "once", keyed=True)
    assert counting.count(counter_url, "once").applied == 1


def test_who_forgets_the_key_has_it_happen_each_time(counter_url: str) -> None:
    for _ in range(2):
        act(counter_url, "forgotten", key="", keyed=True)
    assert counting.count(counter_url, "forgotten").applied == 2


def test_a_dead_key_is_a_new_request(counter_url: str) -> None:
    counting.prepare(counter_url, "dead", key_ttl_s=0.0)
    for _ in range(2):
        act(counter_url, "dead", keyed=True)
    assert counting.count(counter_url, "dead").applied == 2


def test_one_key_with_other_bytes_is_noticed(counter_url: str) -> None:
    act(counter_url, "bytes", keyed=True, note="as planned")
    act(counter_url, "bytes", keyed=True, note="planned again")
    assert counting.count(counter_url, "bytes").key_conflicts == 1


@pytest.mark.parametrize(("fault", "applied"), [("drop", 0), ("lose", 1), ("slow", 1), ("fail", 0)])
def test_a_lost_reply_says_nothing_of_the_effect(
    counter_url: str, fault: str, applied: int
) -> None:
    counting.prepare(counter_url, fault, script=(fault,))
    with pytest.raises((ConnectionError, TimeoutError, RemoteDisconnected)):
        act(counter_url, fault, keyed=False)
    assert counting.count(counter_url, fault).applied == applied


def test_a_denial_is_certain(counter_url: str) -> None:
    counting.prepare(counter_url, "denied", script=("deny",))
    with pytest.raises(NotExecuted):
        act(counter_url, "denied", keyed=False)
    assert counting.count(counter_url, "denied").applied == 0


@pytest.mark.parametrize(
    ("fault", "raised", "applied"),
    [
        ("conflict", ToolError, 0),
        ("ledger", ConnectionRefusedError, 1),
        ("breaks", KeyError, 1),
        ("cancels", asyncio.CancelledError, 1),
    ],
)
def test_an_error_of_the_tool_comes_after_the_effect_or_instead_of_it(
    counter_url: str, fault: str, raised: type[BaseException], applied: int
) -> None:
    counting.prepare(counter_url, fault, script=(fault,))
    with pytest.raises(raised):
        act(counter_url, fault, keyed=False)
    assert counting.count(counter_url, fault).applied == applied


def test_a_word_that_it_does_not_know_is_refused(counter_url: str) -> None:
    with pytest.raises(ToolError):
        counting.prepare(counter_url, "unknown", script=("lose", "loose"))


def test_a_server_may_forget_a_key(counter_url: str) -> None:
    counting.prepare(counter_url, "forgetful", script=("", "forget", ""))
    results = [act(counter_url, "forgetful", keyed=True) for _ in range(3)]
    assert results == ["forgetful#1", "forgetful#2", "forgetful#1"]


@pytest.mark.parametrize(("fault", "shown"), [("hide", 0), ("lose", 1), ("twin", 2)])
def test_a_look_up_may_lie(counter_url: str, fault: str, shown: int) -> None:
    subject = f"{fault} shown"
    counting.prepare(counter_url, subject, script=(fault,))
    with pytest.raises((ConnectionError, RemoteDisconnected)):
        act(counter_url, subject, keyed=False)
    found = counting.find(counter_url, subject, key="k", timeout_s=_TIMEOUT_S)
    assert found == [f"{subject}#1"] * shown
    assert counting.count(counter_url, subject).applied == 1


def test_an_effect_may_show_later_than_it_happened(counter_url: str) -> None:
    counting.prepare(counter_url, "later", shows_after_s=30.0)
    act(counter_url, "later", keyed=False)
    assert counting.find(counter_url, "later", key="k", timeout_s=_TIMEOUT_S) == []
    assert counting.count(counter_url, "later").applied == 1


def test_half_a_request_asks_for_nothing(counter_url: str) -> None:
    place = urlsplit(counter_url)
    with socket.create_connection((place.hostname, place.port or 0)) as connection:
        connection.sendall(
            b"POST /effects/half?key=k&keyed=1 HTTP/1.1\r\nContent-Length: 20\r\n\r\n{"
        )
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    act(counter_url, "half", keyed=True)
    counted = counting.count(counter_url, "half")
    assert (counted.applied, counted.key_conflicts) == (1, 0)


def act(url: str, subject: str, *, keyed: bool, key: str = "k", note: str = "") -> str:
    wish = Wish(subject=subject, key=key, note=note, keyed=keyed)
    return counting.act(url, wish, timeout_s=_TIMEOUT_S)
