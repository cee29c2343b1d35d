"""Mail against real servers: to whom it may go and nobody else, and never a doubt without a reason."""

import email
import email.policy
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest

from agent_workers.domain.email_message import (
    Email,
    EmailNotSent,
    EmailRefused,
    EmailUnclear,
    Outbox,
)
from agent_workers.domain.errors import TryLater
from agent_workers.domain.facility import NotInstalled
from agent_workers.domain.tool import Absent, Call, Found
from agent_workers.execution.outside.mail_servers import mail_server
from agent_workers.execution.outside.outbox import MailOutbox
from agent_workers.execution.outside.smtp import hand_over
from agent_workers.execution.tools.builtin.mail import mail_tool
from tests.mail_servers import Mail, serving_mail
from tests.unit.orchestration.agents import JOB

CONTEXT = ssl.create_default_context()
ANN, BOB = "ann@example.com", "bob@example.org"
LETTER = Email(to=(ANN,), subject="Your order", text="It is on its way.")


@pytest.fixture(scope="module")
def servers() -> Iterator[Mail]:
    with serving_mail() as started:
        yield started


@pytest.fixture
def mail(servers: Mail) -> Mail:
    servers.behaviour.clear()
    servers.taken.clear()
    return servers


@pytest.fixture
def outbox(mail: Mail) -> MailOutbox:
    return MailOutbox(
        smtp_url=mail.smtp_url,
        imap_url=mail.imap_url,
        sender="shop@example.net",
        recipients=("*@example.com", BOB),
        context=CONTEXT,
    )


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


def test_nobody_is_on_an_empty_list(mail: Mail, outbox: MailOutbox):
    with pytest.raises(EmailRefused, match="AGENT_MAIL_RECIPIENTS"):
        replace(outbox, recipients=()).send(LETTER, "k4")
    assert mail.taken == []


@pytest.mark.parametrize(
    ("behaviour", "error", "arrives"),
    [
        ({"RCPT": "450 greylisted"}, EmailNotSent, False),
        ({"RCPT": "550 nobody of that name"}, EmailRefused, False),
        ({f"RCPT:{BOB}": "550 no"}, EmailRefused, False),  # not to some of them either
        ({"RCPT": None}, EmailNotSent, False),
        ({"DATA": "451 later"}, EmailNotSent, False),
        ({"DATA": "554 spam"}, EmailRefused, False),
        ({"DATA": None}, EmailUnclear, False),
        ({"END": None}, EmailUnclear, True),
    ],
)
def test_a_failure_says_what_it_proves(
    mail: Mail,
    outbox: MailOutbox,
    behaviour: dict[str, str | None],
    error: type[Exception],
    arrives: bool,  # noqa: FBT001 (a case of the table)
):
    mail.behaviour.update(behaviour)
    with pytest.raises(error):
        outbox.send(replace(LETTER, cc=(BOB,)), "k5")
    assert bool(mail.taken) is arrives


@contextmanager
def reading_out(*replies: str) -> Iterator[str]:
    """A server that says these lines, one after each that it hears: whatever they mean."""

    def serve() -> None:
        with suppress(OSError), listening.accept()[0] as connection:
            connection.settimeout(10)
            heard = connection.makefile("rb")
            for reply in replies:
                connection.sendall(reply.encode() + b"\r\n")
                line = heard.readline()
                while reply.startswith("354") and line not in {b".\r\n", b""}:
                    line = heard.readline()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"smtp://127.0.0.1:{listening.getsockname()[1]}"
        thread.join(10)


GREETED = ("220 hello", "250 hello", "250 sender", "250 recipient")


@pytest.mark.parametrize(
    ("replies", "error"),
    [
        (("nonsense",), EmailNotSent),
        (("220 hello", "250-x\r\n" * 3 + "250 y", "530 log in first"), EmailRefused),
        ((*GREETED, "421 too busy"), EmailNotSent),
        ((*GREETED, "250 what"), EmailNotSent),
        ((*GREETED, "354 go on", "421 closing"), EmailNotSent),
        ((*GREETED, "354 go on", "554 no"), EmailRefused),
        ((*GREETED, "354 go on", "nonsense"), EmailUnclear),
        ((*GREETED, "354 go on", "354 go on"), EmailUnclear),
        ((*GREETED, "354 go on", "250" + "x" * 20_000), EmailUnclear),
        ((*GREETED, "354 go on"), EmailUnclear),
    ],
)
def test_only_a_clear_word_is_taken_for_one(
    outbox: MailOutbox, replies: Sequence[str], error: type[Exception]
):
    with reading_out(*replies) as url, pytest.raises(error):
        replace(outbox, smtp_url=url).send(LETTER, "k12")


def test_a_server_that_is_slow_before_the_message_is_no_doubt():
    with (
        reading_out(*GREETED, "354 go on", "250 taken") as url,
        pytest.raises(EmailNotSent, match="too long"),
    ):
        hand_over(
            mail_server(url, ""),
            b"Subject: x\r\n\r\n",
            sender="us@example.net",
            recipients=[ANN],
            context=CONTEXT,
            within_s=0,
        )


def test_a_server_that_is_away_means_that_nothing_was_sent(outbox: MailOutbox):
    with pytest.raises(EmailNotSent):
        replace(outbox, smtp_url="smtp://127.0.0.1:1").send(LETTER, "k6")


def test_a_server_without_the_tls_that_was_asked_for_gets_nothing(mail: Mail, outbox: MailOutbox):
    url = f"smtp+starttls://us:secret@127.0.0.1:{mail.smtp_port}"
    with pytest.raises(EmailNotSent) as failed:
        replace(outbox, smtp_url=url).send(LETTER, "k7")
    assert "secret" not in str(failed.value)
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


def looked_up(outbox: Outbox, key: str, to: Sequence[str] = (ANN,)) -> object:
    look_up = mail_tool(checks_mail=True).look_up
    assert look_up is not None
    call = Call(key=key, tenant_id="t", job_id=JOB, position=1, attempt=1)
    return look_up(to=list(to), subject="Hello", text="", outbox=outbox, call=call)


def test_what_was_taken_is_found_although_its_reply_was_lost(mail: Mail, outbox: MailOutbox):
    mail.behaviour["END"] = None
    with pytest.raises(EmailUnclear):
        outbox.send(LETTER, "k9")
    assert isinstance(looked_up(outbox, "k9"), Found)
    assert isinstance(looked_up(replace(outbox, sender="new@example.org"), "k9"), Found)
    assert looked_up(outbox, "k10") == Absent()
    assert looked_up(outbox, "k") == Absent()


def test_a_look_up_that_cannot_look_has_not_seen_that_nothing_is_there(outbox: MailOutbox):
    elsewhere = outbox.imap_url.replace("/Sent", "/Sent%20Mail")
    for url in (
        elsewhere,
        "imap://us:wrong@127.0.0.1:1/Sent",
        outbox.imap_url.replace("us:", "x:"),
    ):
        with pytest.raises(TryLater):
            looked_up(replace(outbox, imap_url=url), "k11")
