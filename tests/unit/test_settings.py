"""Settings come from variables, files and a development-only `.env`; mistakes are one line."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from agent_workers.domain.step import Lane
from agent_workers.settings import PREFIX, Settings, SettingsWrong, load_settings


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_a_bare_machine_needs_no_setting_at_all():
    settings = load_settings()
    assert settings.env == "production"
    assert settings.lanes == tuple(Lane)


def test_a_wrong_value_is_one_line_that_names_the_variable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AGENT_API_PORT", "eighty")
    with pytest.raises(SettingsWrong, match=r"^AGENT_API_PORT: [^\n]+$"):
        load_settings()


def test_a_wrong_url_does_not_show_its_password(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AGENT_DATABASE_URL", "mysql://root:hunter2@db/agent")
    with pytest.raises(SettingsWrong) as caught:
        load_settings()
    assert "AGENT_DATABASE_URL" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_path_that_is_empty_is_not_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGENT_MODELS", "")
    monkeypatch.setenv("AGENT_SPILL_DIR", "")
    settings = load_settings()
    assert (settings.models_file, settings.spill_dir) == (None, None)


def test_lists_are_words_with_commas(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AGENT_TOOLS", "one.tools, two.tools")
    monkeypatch.setenv("AGENT_LANES", "plan,evaluate")
    settings = load_settings()
    assert settings.tools == ("one.tools", "two.tools")
    assert settings.lanes == (Lane.PLAN, Lane.EVALUATE)


def test_an_unknown_lane_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AGENT_LANES", "plan,fast")
    with pytest.raises(SettingsWrong, match=r"^AGENT_LANES: "):
        load_settings()


def test_wakeups_go_through_the_broker_when_it_is_a_redis(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AGENT_BROKER_URL", "redis://cache:6379/0")
    assert load_settings().redis_url == "redis://cache:6379/0"
    monkeypatch.setenv("AGENT_BROKER_URL", "amqp://rabbit:5672//")
    assert load_settings().redis_url == ""


def test_a_secret_may_stand_in_a_file_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "pepper").write_text("sixteen-characters\n")
    monkeypatch.setenv("AGENT_SECRET_PEPPER_FILE", str(tmp_path / "pepper"))
    assert load_settings().secret_pepper == "sixteen-characters"


def test_a_secret_in_two_places_is_a_mistake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("AGENT_SECRET_PEPPER", "sixteen-characters")
    monkeypatch.setenv("AGENT_SECRET_PEPPER_FILE", str(tmp_path / "pepper"))
    with pytest.raises(SettingsWrong, match="both set"):
        load_settings()


def test_secrets_may_stand_in_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "agent_database_url").write_text("postgresql://agent:x@db/agent")
    monkeypatch.setenv("AGENT_SECRETS_DIR", str(tmp_path))
    settings = load_settings()
    assert settings.database_url == "postgresql://agent:x@db/agent"
    assert settings.direct_database_url == settings.database_url


def test_a_dot_env_file_counts_in_development_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / ".env").write_text("AGENT_API_PORT=8123\n")
    assert load_settings().api_port == 8000
    monkeypatch.setenv("AGENT_ENV", "development")
    assert load_settings().api_port == 8123


def test_what_is_missing_is_said_with_its_variable():
    with pytest.raises(SettingsWrong, match="AGENT_DATABASE_URL is not set"):
        load_settings().demand("database_url")


def test_settings_never_change_and_never_print_secrets():
    settings = load_settings(database_url="postgresql://agent:hunter2@db/agent")
    assert "hunter2" not in repr(settings)
    with pytest.raises(ValidationError):
        settings.api_port = 1  # type: ignore[misc]
