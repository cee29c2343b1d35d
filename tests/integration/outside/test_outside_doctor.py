"""What `doctor` says of databases, mail servers and proxies that tools go outside with."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from agent_workers.cli.doctor.outside import check_outside
from agent_workers.settings import Settings
from tests.integration.outside.site import serving
from tests.support.mail_servers import Mail, serving_mail


@pytest.fixture(scope="module")
def mail() -> Iterator[Mail]:
    with serving_mail() as started:
        yield started


def said(**settings: Any) -> list[str]:
    return [finding.line for finding in check_outside(Settings(_env_file=None, **settings))]


def test_nothing_is_said_of_what_is_not_used():
    assert said() == []


def test_mail_that_works_is_said_to(mail: Mail):
    lines = said(
        smtp_url=mail.smtp_url,
        imap_url=mail.imap_url,
        mail_from="us@example.com",
        mail_recipients=("*@example.com",),
    )
    assert [line[:2] for line in lines] == ["ok", "ok"]
    assert mail.taken == []


def test_what_is_wrong_with_mail_is_named(mail: Mail):
    no_sender, nobody, no_folder = said(
        smtp_url=mail.smtp_url, imap_url=mail.imap_url.replace("/Sent", "/Nothing")
    )
    assert "AGENT_MAIL_FROM is not an e-mail address" in no_sender
    assert "AGENT_MAIL_RECIPIENTS" in nobody
    assert no_folder.startswith("FAIL")


def test_a_role_that_may_do_more_than_read_is_named(database_url: str):
    url = make_url(database_url).set(drivername="postgresql")
    [line] = said(sql_sources={"own": url.render_as_string(hide_password=False)})
    assert line.startswith("FAIL")
    assert "superuser" in line


def test_a_proxy_is_called():
    with serving() as site:
        assert said(egress_proxy=site.url())[0].startswith("ok")
    assert said(egress_proxy=site.url())[0].startswith("FAIL")
