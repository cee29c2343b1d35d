"""What a supervised program is told: every setting, as its variable would say it."""

from collections.abc import Callable, Mapping

import pytest

from agent_workers.cli import programs
from agent_workers.cli.child import Program
from agent_workers.cli.programs import variables_of
from agent_workers.settings import Settings, load_settings


def test_settings_go_down_as_variables_and_come_out_the_same(monkeypatch: pytest.MonkeyPatch):
    settings = Settings(
        env="test",
        tools=("shop", "mail.*"),
        http_hosts=("a.example", "*.b.example"),
        sql_sources={"shop": "postgresql://reader:secret@db/shop"},
        model_quotas={"openai": {"requests_per_minute": 5}},
    )
    for name, value in variables_of(settings).items():
        if value:
            monkeypatch.setenv(name, value)
    again = load_settings()
    assert again == settings


SECRETS = Settings(
    database_url="postgresql://one:secret@db/agent",
    broker_url="redis://:secret@redis",
    secret_pepper="a secret of sixteen",
    flower_password="a secret",
    smtp_url="smtps://one:secret@mail.example",
)
_QUEUE = {"AGENT_BROKER_URL", "AGENT_REDIS_URL"}
_DATABASE = {"AGENT_DATABASE_URL", "AGENT_DIRECT_DATABASE_URL"}


@pytest.mark.parametrize(
    ("program", "needs"),
    [
        (programs.flower, {*_QUEUE, "AGENT_FLOWER_PASSWORD"}),
        (programs.beat, {*_QUEUE, *_DATABASE}),
        (programs.api, {*_QUEUE, *_DATABASE, "AGENT_SECRET_PEPPER"}),
        (programs.webhooks, {*_DATABASE, "AGENT_SECRET_PEPPER"}),
        (
            programs.model_worker,
            {*_QUEUE, *_DATABASE, "AGENT_SECRET_PEPPER", "AGENT_SMTP_URL", "MCP_TOKEN"},
        ),
        (lambda told: programs.refund_server(told, 1, slow_s=0), set[str]()),
    ],
)
def test_a_program_is_told_the_secrets_that_it_needs_and_no_others(
    program: Callable[[Mapping[str, str]], Program],
    needs: set[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("MCP_TOKEN", "a secret")
    monkeypatch.setenv("AGENT_SECRET_PEPPER_FILE", "/run/secrets/pepper")
    environment = program(variables_of(SECRETS)).environment
    ours = {name: value for name, value in environment.items() if name[:4] in {"AGEN", "MCP_"}}
    secrets = {name for name, value in ours.items() if "secret" in value}
    assert secrets == needs
