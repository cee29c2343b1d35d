"""Servers that stand for the outside: a web site, and mail."""

from collections.abc import Iterator

import pytest

from agent_workers.execution.outside.outbox import MailOutbox
from tests.integration.outside.getting import CONTEXT
from tests.integration.outside.letters import BOB
from tests.integration.outside.site import Site, serving
from tests.support.mail_servers import Mail, serving_mail


@pytest.fixture(scope="module")
def server() -> Iterator[Site]:
    with serving() as started:
        yield started


@pytest.fixture
def site(server: Site) -> Site:
    server.asked.clear()
    server.answers.clear()
    return server


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
