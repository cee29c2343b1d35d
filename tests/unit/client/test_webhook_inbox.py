"""What a receiver with our client believes, and what it takes twice."""

import json
import time
from collections.abc import Mapping
from contextlib import suppress

import pytest

from agent_workers.client.errors import ClientError
from agent_workers.client.inbox import Inbox, NotOurs, SeenHere
from agent_workers.domain.webhooks.webhook import shown_secret, signature

SECRET, OTHER = bytes(range(24)), bytes(range(1, 25))
BODY = json.dumps({"type": "job.succeeded", "data": {"id": "job_1"}}).encode()


def headers(
    body: bytes = BODY, *, secret: bytes = SECRET, at: float | None = None, message: str = "evt_1"
) -> dict[str, str]:
    stamp = int(time.time() if at is None else at)
    return {
        "Webhook-Id": message,
        "Webhook-Timestamp": str(stamp),
        "Webhook-Signature": "v1a,xxxx garbage " + signature(secret, message, stamp, body),
    }


def inbox(**given: object) -> Inbox:
    return Inbox(shown_secret(SECRET), **given)  # type: ignore[arg-type]


def test_what_is_signed_is_believed():
    event = inbox().verify(headers(), BODY)
    assert (event.id, event.type, event.data) == ("evt_1", "job.succeeded", {"id": "job_1"})


def test_while_secrets_rotate_either_is_believed():
    both = Inbox(shown_secret(OTHER), shown_secret(SECRET))
    for secret in (SECRET, OTHER):
        assert both.verify(headers(secret=secret), BODY).id == "evt_1"


@pytest.mark.parametrize(
    ("changed", "body"),
    [
        ({}, BODY + b" "),
        ({"Webhook-Id": "evt_2"}, BODY),
        ({"Webhook-Timestamp": str(int(time.time()) + 1)}, BODY),
        ({"Webhook-Timestamp": "soon"}, BODY),
        ({"Webhook-Signature": ""}, BODY),
        ({"Webhook-Signature": "v1"}, BODY),
        ({"Webhook-Signature": "v1,ü"}, BODY),
    ],
)
def test_what_was_changed_is_not_believed(changed: Mapping[str, str], body: bytes):
    with pytest.raises(NotOurs):
        inbox().verify({**headers(), **changed}, body)


@pytest.mark.parametrize("name", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
def test_what_is_not_signed_at_all_is_not_believed(name: str):
    given = headers()
    del given[name]
    with pytest.raises(NotOurs, match=name.lower()):
        inbox().verify(given, BODY)


@pytest.mark.parametrize("shift_s", [-400, 400])
def test_what_is_old_or_from_the_future_is_not_believed(shift_s: int):
    with pytest.raises(NotOurs, match="old"):
        inbox().verify(headers(at=time.time() + shift_s), BODY)


def test_another_secret_is_not_ours():
    with pytest.raises(NotOurs):
        inbox().verify(headers(secret=OTHER), BODY)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"7"])
def test_a_body_that_is_no_event_is_not_taken(body: bytes):
    with pytest.raises(NotOurs):
        inbox().verify(headers(body), body)


def test_an_event_is_taken_once():
    receiving, taken = inbox(), []
    for _ in range(3):
        with receiving.taking(headers(), BODY) as event:
            taken.append(event and event.id)
    assert taken == ["evt_1", None, None]


def test_an_event_that_could_not_be_handled_comes_again():
    receiving = inbox()
    with suppress(ZeroDivisionError), receiving.taking(headers(), BODY):
        raise ZeroDivisionError
    with receiving.taking(headers(), BODY) as event:
        assert event is not None


def test_old_ids_are_forgotten_first():
    seen = SeenHere(most=2)
    for message in ("a", "b", "c"):
        seen.add(message)
    assert [message in seen for message in "abc"] == [False, True, True]


@pytest.mark.parametrize("secret", ["whsec_!", "not base64"])
def test_a_secret_that_is_none_is_refused(secret: str):
    with pytest.raises(ClientError):
        Inbox(secret)
