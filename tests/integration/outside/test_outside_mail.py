"""Mail against real servers: to whom it may go and nobody else, and as it was meant."""

import email
import email.policy
from dataclasses import replace
from email.header import decode_header, make_header

import pytest

from agent_workers.domain.outside.email_message import Email, EmailRefused
from agent_workers.domain.tools.facility import NotInstalled
from agent_workers.execution.outside.outbox import MailOutbox
from tests.integration.outside.letters import ANN, BOB, LETTER
from tests.support.mail_servers import Mail


def test_what_is_written_arrives_as_it_was_meant(mail: Mail, outbox: MailOutbox):
    text = "Grüße\r\n.\r\nRCPT TO:<eve@example.com>\r\nFrom nobody\n" + "x" * 3_000
    letter = Email(to=(ANN,), cc=(BOB, ANN), subject="Grüße", text=text, html="<p>Grüße</p>")
    sent = outbox.send(letter, "k1")
    ((recipients, raw),) = mail.taken
    got = email.message_from_bytes(raw, policy=email.policy.default)
    assert recipients == [ANN, BOB]
    assert (got["subject"], got["from"], got["to"]) == ("Grüße", "shop@example.net", ANN)
    assert (got["message-id"], sent) == ("<agent-workers.k1@example.net>",) * 2
    plain = got.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().splitlines() == text.splitlines()


@pytest.mark.parametrize(
    "address",
    [
        "eve@example.net",
        "bob@sub.example.org",
        "ann@sub.example.com",
        "ann@example.com.evil.net",
        "ann@example.com, eve@evil.net",
        "ann@example.com\r\nBcc: eve@evil.net",
        "ann@example.com\n",
        "ann@example.com>\r\nRCPT TO:<eve@evil.net",
        "Ann <ann@example.com>",
        '"eve@evil.net,"@example.com',
        "eve%evil.net@example.com",
        "evil.net!eve@example.com",
        "@evil.net:ann@example.com",
        "ann@evil.net@example.com",
        "ann@[127.0.0.1]",
        "ann@example",
        "änn@example.com",
        "ann\0@example.com",
        "-f@example.com",
        "",
        "x" * 65 + "@example.com",
    ],
)
@pytest.mark.parametrize("place", ["to", "cc"])
def test_nobody_else_is_written_to(mail: Mail, outbox: MailOutbox, address: str, place: str):
    letter = replace(LETTER, to=(address,)) if place == "to" else replace(LETTER, cc=(address,))
    with pytest.raises(EmailRefused):
        outbox.send(letter, "k2")
    assert mail.taken == []


@pytest.mark.parametrize(
    "letter",
    [
        replace(LETTER, subject="Hello\r\nBcc: eve@evil.net"),
        replace(LETTER, subject="Hello\nX: y"),
        replace(LETTER, subject="Hello\u2028Bcc: eve@evil.net"),
        replace(LETTER, subject="Hello\u202etxt"),
        replace(LETTER, subject="x" * 501),
        replace(LETTER, text="\ud800"),
        replace(LETTER, text="x" * 500_001),
        replace(LETTER, to=()),
        replace(LETTER, to=tuple(f"a{n}@example.com" for n in range(21))),
    ],
)
def test_no_letter_holds_more_than_it_says(mail: Mail, outbox: MailOutbox, letter: Email):
    with pytest.raises(EmailRefused):
        outbox.send(letter, "k3")
    assert mail.taken == []


@pytest.mark.parametrize(
    "subject",
    [
        "=?utf-8?q?Hello=0d=0aBcc:_eve@evil.net?=",
        "=?utf-8?q?Hello=0a.=0aMAIL_FROM:<eve@evil.net>=0a?=",
        "=?utf-8?b?SGVsbG8NCkJjYzogZXZlQGV2aWwubmV0DQoNCmJvZHk=?=",
        "=?nobody-knows?q?Hello=0d=0aX:_y?= there",
    ],
)
def test_what_is_encoded_in_a_subject_stays_encoded(mail: Mail, outbox: MailOutbox, subject: str):
    outbox.send(replace(LETTER, subject=subject), "k5")
    ((_, raw),) = mail.taken
    head = raw.partition(b"\r\n\r\n")[0]
    got = email.message_from_bytes(raw)
    assert str(make_header(decode_header(got["subject"]))) == subject
    assert b"\n" not in head.replace(b"\r\n", b"")
    assert {"Bcc", "X"}.isdisjoint(got.keys())
    assert b"Bcc:" not in head


def test_who_wrote_what_cannot_be_seen_is_told_so(outbox: MailOutbox):
    with pytest.raises(EmailRefused, match="none of them invisible"):
        outbox.send(replace(LETTER, subject="Your\u00a0order"), "k6")


def test_nobody_is_on_an_empty_list(mail: Mail, outbox: MailOutbox):
    with pytest.raises(EmailRefused, match="AGENT_MAIL_RECIPIENTS"):
        replace(outbox, recipients=()).send(LETTER, "k4")
    assert mail.taken == []


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"smtp_url": ""}, "AGENT_SMTP_URL is not set"),
        ({"smtp_url": "smtp://us:secret@mail.example.com"}, "use TLS"),
        ({"sender": ""}, "AGENT_MAIL_FROM"),
        ({"sender": "a@example.com\r\nX: y"}, "AGENT_MAIL_FROM"),
    ],
)
def test_what_is_not_set_up_is_named(outbox: MailOutbox, changed: dict[str, str], says: str):
    with pytest.raises(NotInstalled, match=says):
        replace(outbox, **changed).send(LETTER, "k8")  # type: ignore[arg-type]


def test_passwords_are_not_shown(outbox: MailOutbox):
    assert "secret" not in repr(outbox)
