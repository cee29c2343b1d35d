"""Mail when servers fail: only a clear word proves anything, and what was taken is found."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest

from agent_workers.domain.errors import FacilityAway
from agent_workers.domain.outside.email_message import (
    EmailNotSent,
    EmailRefused,
    EmailUnclear,
    Outbox,
)
from agent_workers.domain.tools.tool import Absent, Call, Found
from agent_workers.execution.outside.mail_servers import mail_server
from agent_workers.execution.outside.outbox import MailOutbox
from agent_workers.execution.outside.smtp import hand_over
from agent_workers.execution.tools.builtin.mail import mail_tool
from tests.integration.outside.getting import CONTEXT
from tests.integration.outside.letters import ANN, BOB, LETTER
from tests.support.mail_servers import Mail
from tests.unit.orchestration.agents import JOB

GREETED = ("220 hello", "250 hello", "250 sender", "250 recipient")


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
            heard, line = connection.makefile("rb"), b""
            for reply in replies:
                tag = line.partition(b" ")[0].decode()  # IMAP wants it back
                connection.sendall(reply.replace("TAG", tag).encode() + b"\r\n")
                line = heard.readline()
                while reply.startswith("354") and line not in {b".\r\n", b""}:
                    line = heard.readline()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"smtp://127.0.0.1:{listening.getsockname()[1]}"
        thread.join(10)


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
        with pytest.raises(FacilityAway):
            looked_up(replace(outbox, imap_url=url), "k11")


def test_what_a_server_says_of_a_login_is_not_told_on(outbox: MailOutbox):
    said = ("* OK here", "* CAPABILITY IMAP4rev1\r\nTAG OK so", "TAG NO not by \x1b[2J secret word")
    with reading_out(*said) as url:
        there = replace(outbox, imap_url=url.replace("smtp://", "imap://us:secret%20word@"))
        with pytest.raises(FacilityAway, match="refused the login") as failed:
            looked_up(there, "k13")
    assert "secret" not in str(failed.value)
