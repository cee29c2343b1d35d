"""Settings of what tools may do outside: what could never work is refused at the start."""

import pytest

from agent_workers.settings import SettingsWrong, load_settings


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AGENT_HTTP_HOSTS", "https://api.example.com"),
        ("AGENT_HTTP_HOSTS", "api.example.com/path"),
        ("AGENT_HTTP_HOSTS", "*"),
        ("AGENT_HTTP_HOSTS", "api.*.com"),
        ("AGENT_HTTP_PRIVATE", "10.0.0.1/8"),
        ("AGENT_HTTP_PRIVATE", "localhost"),
        ("AGENT_EGRESS_PROXY", "https://us:hunter2@proxy:3128"),
        ("AGENT_EGRESS_PROXY", "proxy:3128"),
        ("AGENT_SQL_SOURCES", "postgresql://us:hunter2@host/shop"),
        ("AGENT_SQL_SOURCES", '{"shop": "mysql://us:hunter2@host/shop"}'),
        ("AGENT_SMTP_URL", "mail.example.com"),
        ("AGENT_SMTP_URL", "smtps://us:hunter2@mail.example.com:port"),
        ("AGENT_IMAP_URL", "pop3://us:hunter2@mail.example.com"),
        ("AGENT_MAIL_FROM", "Shop <shop@example.com>"),
        ("AGENT_MAIL_RECIPIENTS", "*"),
        ("AGENT_MAIL_RECIPIENTS", "ann@example.com,example.com"),
    ],
)
def test_what_could_never_work_is_one_line_without_its_password(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsWrong, match=rf"^{variable}: [^\n]+$") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_what_can_work_is_taken(monkeypatch: pytest.MonkeyPatch):
    right = {
        "AGENT_HTTP_HOSTS": "api.example.com, *.Example.org, 10.1.2.3, localhost",
        "AGENT_HTTP_PRIVATE": "10.1.0.0/16, fd00::/8, 127.0.0.1",
        "AGENT_EGRESS_PROXY": "http://us:secret@proxy:3128",
        "AGENT_SQL_SOURCES": '{"shop": "postgresql://us@/shop?host=/tmp"}',
        "AGENT_SMTP_URL": "smtp+starttls://us:secret@mail.example.com",
        "AGENT_IMAP_URL": "imaps://us:secret@mail.example.com/Sent%20Mail",
        "AGENT_MAIL_FROM": "shop@example.com",
        "AGENT_MAIL_RECIPIENTS": "ann@example.com,*@example.org",
    }
    for variable, value in right.items():
        monkeypatch.setenv(variable, value)
    settings = load_settings()
    assert settings.mail_recipients == ("ann@example.com", "*@example.org")
    assert list(settings.sql_sources) == ["shop"]
    assert "secret" not in repr(settings)
