"""Sending to receivers that behave badly, and never to where nobody should be called."""

import socket
import ssl
import time
from datetime import timedelta
from pathlib import Path

import pytest

from agent_workers.domain.webhooks.webhook import Answered, Outcome, Unanswered
from agent_workers.execution.outside.connecting import Found
from agent_workers.execution.webhooks.send import Sender
from tests.integration.outside.resolving import leading_to
from tests.integration.webhooks.receiver import Receiver, receiving
from tests.support.certificates import certificate

NAME = "hooks.example.com"
BODY = b'{"type":"job.succeeded"}'


def send(receiver: Receiver, path: str, *, timeout_s: float = 5.0) -> Outcome:
    sender = Sender(timeout_s=timeout_s, allow_private=True)
    return sender(receiver.url(path), {"webhook-id": "evt_1"}, BODY)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("ok", 200),
        ("quiet", 204),
        ("moved", 301),
        ("gone", 410),
        ("error", 500),
        ("busy", 429),
        ("lies", 200),
        ("interim", 200),
        ("chunks", 200),
        ("flood", 200),
        ("headers", 200),
    ],
)
def test_an_answer_is_its_status_whatever_else_is_said(receiver: Receiver, path: str, status: int):
    outcome = send(receiver, path)
    assert isinstance(outcome, Answered)
    assert outcome.status == status
    assert len(outcome.body) <= 1_024
    assert [one.path for one in receiver.requests] == [f"/{path}"]  # no redirect was followed


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("reset", "reset"),
        ("empty", "without an answer"),
        ("garbage", "is not HTTP"),
    ],
)
def test_what_is_no_answer_is_said_as_such(receiver: Receiver, path: str, says: str):
    outcome = send(receiver, path)
    assert isinstance(outcome, Unanswered)
    assert says in outcome.error


@pytest.mark.parametrize("path", ["hang", "drip"])
def test_an_attempt_ends_in_time_however_the_answer_trickles(receiver: Receiver, path: str):
    receiver.script["drip"] = ["drip"]
    began = time.monotonic()
    outcome = send(receiver, path, timeout_s=0.5)
    assert time.monotonic() - began < 5  # one hangs for 30 s, the other trickles for 100
    assert isinstance(outcome, Unanswered)
    assert "it took too long" in outcome.error


def test_a_retry_after_is_read_and_a_silly_one_is_not(receiver: Receiver):
    outcome = send(receiver, "busy")
    assert isinstance(outcome, Answered)
    assert outcome.wish == timedelta(seconds=2)
    silly = send(receiver, "silly")
    assert isinstance(silly, Answered)
    assert silly.wish is None


def test_a_closed_port_is_a_failure():
    sender = Sender(timeout_s=2, allow_private=True)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
        assert sender(url, {}, BODY) == Unanswered(
            error="127.0.0.1 was not reached: the connection was refused"
        )


@pytest.mark.parametrize(
    "addresses",
    [
        ("127.0.0.1",),
        ("93.184.215.14", "10.0.0.1"),  # one bad answer among good ones
        ("169.254.169.254",),
        ("168.63.129.16",),
        ("100.64.0.1",),
        ("::1",),
        ("::ffff:127.0.0.1",),
        ("64:ff9b::7f00:1",),
        ("2002:7f00:1::",),
        ("fec0::1",),
        ("fd00::1",),
        ("fe80::1",),
        ("224.0.0.1",),
        ("0.0.0.0",),
    ],
)
def test_a_name_that_leads_to_a_private_address_is_not_called(addresses: tuple[str, ...]):
    sender = Sender(timeout_s=2, allow_private=False, resolve=leading_to(*addresses))
    outcome = sender(f"https://{NAME}/", {}, BODY)
    assert isinstance(outcome, Unanswered)
    assert "not public" in outcome.error


def test_a_slow_name_server_uses_up_the_time_and_nothing_is_sent(receiver: Receiver):
    def resolve(host: str, port: int) -> Found:
        time.sleep(0.3)
        found: Found = leading_to("127.0.0.1")(host, port)
        return found

    sender = Sender(timeout_s=0.2, allow_private=True, resolve=resolve)
    url = f"http://{NAME}:{receiver.port}/ok"
    assert isinstance(sender(url, {}, BODY), Unanswered)
    assert receiver.requests == []


def test_tls_asks_for_the_name_and_connects_to_the_checked_address(tmp_path: Path):
    path = certificate(tmp_path, NAME)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(path)
    asked: list[str | None] = []
    serving.sni_callback = lambda _, name, __: asked.append(name)
    resolve = leading_to("127.0.0.1")
    trusting = ssl.create_default_context(cafile=str(path))
    with receiving(serving) as receiver:
        sender = Sender(timeout_s=5, allow_private=True, resolve=resolve, context=trusting)
        outcome = sender(f"https://{NAME}:{receiver.port}/ok", {}, BODY)
        assert isinstance(outcome, Answered), outcome
        assert receiver.requests[0].headers["host"] == f"{NAME}:{receiver.port}"
        assert asked == [NAME]
        assert resolve.asked == [NAME]  # once: no second look can give another answer

        other = Sender(timeout_s=5, allow_private=True, resolve=resolve)
        outcome = other(f"https://{NAME}:{receiver.port}/ok", {}, BODY)
        assert isinstance(outcome, Unanswered)
        assert "TLS:" in outcome.error
