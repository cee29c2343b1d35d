"""What a supervised program is told: every setting, as its variable would say it."""

from collections.abc import Callable, Mapping

import pytest

from agent_workers.local import programs
from agent_workers.local.child import Program
from agent_workers.local.programs import variables_of
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


def _api(told: Mapping[str, str]) -> Program:
    return programs.api(told, url="http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("program", "needs"),
    [
        (programs.flower, {*_QUEUE, "AGENT_FLOWER_PASSWORD"}),
        (programs.beat, {*_QUEUE, *_DATABASE}),
        (_api, {*_QUEUE, *_DATABASE, "AGENT_SECRET_PEPPER"}),
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


@pytest.mark.parametrize("program", [programs.flower, programs.beat, _api, programs.webhooks])
def test_what_a_shell_holds_for_tools_and_models_is_told_only_to_who_calls_them(
    program: Callable[[Mapping[str, str]], Program], monkeypatch: pytest.MonkeyPatch
):
    plain = {"PATH", "HOME", "TZ", "LC_ALL", "SSL_CERT_FILE", "PYTHONPATH", "https_proxy"}
    foreign = {"OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "SHOP_URL"}
    for name in plain | foreign:
        monkeypatch.setenv(name, "here")
    variables = variables_of(SECRETS)
    assert program(variables).environment.keys() & (plain | foreign) == plain
    assert programs.model_worker(variables).environment.keys() >= plain | foreign


def test_where_certificates_of_postgres_are_is_told_to_who_speaks_to_it(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("PGSSLROOTCERT", "/certificates/root.pem")
    assert "PGSSLROOTCERT" in programs.beat(variables_of(SECRETS)).environment
    assert "PGSSLROOTCERT" not in programs.flower(variables_of(SECRETS)).environment
