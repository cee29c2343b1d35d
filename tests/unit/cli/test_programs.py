"""What a supervised program is told: every setting, as its variable would say it."""

import pytest

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
