"""The rules of webhooks: when to try again, what is signed, and what may never be called."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import standardwebhooks
import svix.webhooks
from hypothesis import given
from hypothesis import strategies as st

from agent_workers.domain.events import Announced
from agent_workers.domain.ids import ENDPOINT_ID, TenantId
from agent_workers.domain.outside.reach import Uncallable, is_allowed
from agent_workers.domain.webhooks.delivery import AnnouncedEvent, ClaimedDelivery, body_of
from agent_workers.domain.webhooks.url import target_of
from agent_workers.domain.webhooks.webhook import (
    DELAYS,
    After,
    Again,
    Answered,
    Delivered,
    Disabled,
    GivenUp,
    Outcome,
    Unanswered,
    after,
    secret_of,
    shown_secret,
    signature,
)

PEPPER = "a pepper for tests only"
ID = UUID(int=7)
OOPS = Answered(status=500)


def then(outcome: Outcome, *, tries: int = 0, chance: float = 0.0) -> After:
    return after(outcome, tries=tries, chance=chance)


def test_the_table_ends_after_ten_tries_and_three_days():
    decided = [then(OOPS, tries=tries) for tries in range(11)]
    delays = [one.delay for one in decided if isinstance(one, Again)]
    assert [delay.total_seconds() for delay in delays] == [
        *(5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
    ]
    assert decided[9:] == [GivenUp(why="answered 500")] * 2
    assert timedelta(hours=72) < sum(DELAYS, timedelta(0)) < timedelta(hours=80)


@given(st.integers(0, 8), st.floats(0, 1, exclude_max=True))
def test_chance_delays_and_never_hastens(tries: int, chance: float):
    decided = then(OOPS, tries=tries, chance=chance)
    assert isinstance(decided, Again)
    assert DELAYS[tries] <= decided.delay <= DELAYS[tries] * 1.1


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_a_success(status: int):
    assert then(Answered(status=status)) == Delivered()


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 404, 500, 503, 999])
def test_anything_else_is_tried_again(status: int):
    assert isinstance(then(Answered(status=status)), Again)


def test_gone_disables_even_at_the_last_try():
    assert isinstance(then(Answered(status=410), tries=99), Disabled)


def test_no_answer_is_tried_again_at_once_and_pauses_nobody():
    assert then(Unanswered(error="reset")) == Again(
        delay=timedelta(seconds=5), pause=timedelta(0), why="reset"
    )


def test_a_wish_for_later_counts_for_the_whole_target():
    wish = timedelta(minutes=10)
    decided = then(Answered(status=503, wish=wish))
    assert decided == Again(delay=wish, pause=wish, why="answered 503")


def test_a_wish_never_shortens_the_table_nor_lasts_for_ever():
    soon = then(Answered(status=429, wish=timedelta(seconds=1)), tries=4)
    assert isinstance(soon, Again)
    assert soon.delay == DELAYS[4]
    late = then(Answered(status=429, wish=timedelta(days=999)))
    assert isinstance(late, Again)
    assert late.delay == timedelta(hours=24)


def test_an_overload_without_a_wish_is_left_alone_for_a_while():
    decided = then(Answered(status=429), tries=1)
    assert isinstance(decided, Again)
    assert decided.pause == timedelta(seconds=60)


def claimed(kind: str = "job.succeeded") -> ClaimedDelivery:
    return ClaimedDelivery(
        tenant_id=TenantId("acme"),
        delivery_id=ID,
        fence=1,
        tries=0,
        endpoint_id=ID,
        url="https://a.example/",
        payload="thin",
        secret_version=1,
        old_secret=False,
        event=AnnouncedEvent(
            event_id=ID,
            type=kind,
            subject=str(ID),
            at=datetime(2026, 11, 20, 6, tzinfo=UTC),
            data={"agent": "demo", "status": "x", "metadata": {"ü": "\n"}, "sequence": 9},
            detail=None,
        ),
        output=None,
    )


@pytest.mark.parametrize("kind", [kind.value for kind in Announced])
def test_two_independent_verifiers_accept_what_is_signed(kind: str):
    body = body_of(claimed(kind))
    secret = secret_of(PEPPER, TenantId("acme"), "x", 1)
    now = int(datetime.now(UTC).timestamp())
    old = signature(secret_of(PEPPER, TenantId("acme"), "x", 2), "evt_7", now, body)
    headers = {
        "webhook-id": "evt_7",
        "webhook-timestamp": str(now),
        "webhook-signature": f"{old} {signature(secret, 'evt_7', now, body)}",
    }
    shown = shown_secret(secret)
    assert len(shown) == len("whsec_") + 32
    assert standardwebhooks.Webhook(shown).verify(body, headers) == json.loads(body)
    svix.webhooks.Webhook(shown).verify(body, headers)
    with pytest.raises(svix.webhooks.WebhookVerificationError):
        svix.webhooks.Webhook(shown).verify(body + b" ", headers)


def test_every_secret_is_another_one():
    places = [(PEPPER, "a", "x", 1), (PEPPER, "a", "x", 2), (PEPPER, "a", "y", 1)]
    places += [(PEPPER, "b", "x", 1), ("another pepper of us", "a", "x", 1)]
    secrets = {secret_of(p, TenantId(t), holder, v) for p, t, holder, v in places}
    assert len(secrets) == len(places)


def test_the_body_says_what_happened_in_words_that_do_not_change():
    body = json.loads(body_of(claimed()))
    assert body["object"] == "event"
    assert body["type"] == "job.succeeded"
    assert body["timestamp"] == "2026-11-20T06:00:00Z"
    assert body["created_at"] == 1795154400
    assert body["data"]["url"] == f"/v1/jobs/job_{ID.hex}"
    assert body_of(claimed()) == body_of(claimed())


def test_ids_are_read_back_and_others_are_not():
    assert ENDPOINT_ID.read(ENDPOINT_ID.written(ID)) == ID
    for wrong in ("", "we_", "we_" + "g" * 32, "evt_" + ID.hex, ID.hex, "we_" + "A" * 32):
        assert ENDPOINT_ID.read(wrong) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/",
        "ftp://a.example/",
        "https://",
        "https:///path",
        "https://a.example:0/",
        "https://a.example:22/",
        "https://a.example:99999/",
        "https://user@a.example/",
        "https://u:p@a.example/",
        "https://a.example/#x",
        "https://a b.example/",
        "https://a.example\\@b.example/",
        "https://localhost/",
        "https://db/",
        "https://a.internal./",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://0x7f.1/",
        "https://[::1]/",
        "https://[::ffff:8.8.8.8]/",
        "https://[fe80::1%25eth0]/",
        "https://ünicode.example/",
        "https://a.example/" + "x" * 2_048,
        "https://" + "a" * 250 + "!",
        "javascript:alert(1)",
        "",
    ],
)
def test_what_can_never_be_called_is_refused(url: str):
    with pytest.raises(Uncallable):
        target_of(url, allow_private=False)


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example",
        "https://a.example:8443/hooks?x=%20y",
        "https://xn--nicode-2ya.example/",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
    ],
)
def test_what_can_be_called_is_taken(url: str):
    assert target_of(url, allow_private=False).scheme == "https"


def test_development_may_call_itself():
    target = target_of("http://127.0.0.1:8080/x", allow_private=True)
    assert (target.named, target.path) == ("127.0.0.1:8080", "/x")


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450::1"])
def test_public_addresses_are_allowed(address: str):
    assert is_allowed(address)
