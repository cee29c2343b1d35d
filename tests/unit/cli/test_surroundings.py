"""Where a command finds its system: what `up` runs with counts for whoever stands in its folder."""

import argparse
from pathlib import Path

import pytest

from agent_workers.cli.tools import command as tools
from agent_workers.local.folder import DataFolder
from agent_workers.local.surroundings import said_here, settings_here, system_here
from agent_workers.terminal.errors import WronglyAsked

RUNNING = {"AGENT_DATABASE_URL": "postgresql://a@b/c", "AGENT_HTTP_PRIVATE": "10.1.0.0/16"}


@pytest.fixture
def arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace:
    for name in (*RUNNING, "AGENT_BROKER_URL", "AGENT_TOOLS"):
        monkeypatch.delenv(name, raising=False)
    folder = DataFolder(tmp_path)
    folder.tell_surroundings(RUNNING)
    return argparse.Namespace(folder=tmp_path)


def test_a_system_of_our_own_makes_the_folder_s_none_of_our_business(
    arguments: argparse.Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings_here(arguments).http_private == ("10.1.0.0/16",)
    monkeypatch.setenv("AGENT_DATABASE_URL", "postgresql://other/one")
    assert said_here(arguments) == {}


def test_one_of_our_variables_wins(
    arguments: argparse.Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_HTTP_PRIVATE", "10.2.0.0/16")
    assert settings_here(arguments).http_private == ("10.2.0.0/16",)
    assert said_here(arguments) == {"DATABASE_URL": "postgresql://a@b/c"}


def test_a_tool_is_called_with_all_that_the_system_s_workers_have(
    arguments: argparse.Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, str] = {}

    def become(_: str, changed: dict[str, str], *, options: list[str]) -> int:
        assert options[-2:] == ["http_get", "{}"]
        given.update(changed)
        return 0

    monkeypatch.setattr(tools, "become", become)
    parser = argparse.ArgumentParser()
    tools.add_arguments(parser)
    words = ["call", "http_get", "{}", "--folder", str(arguments.folder)]
    assert tools.run(parser.parse_args(words)) == 0
    assert given.items() >= {"HTTP_PRIVATE": "10.1.0.0/16", "TOOLS": ""}.items()


def test_a_command_without_a_database_says_how_to_get_one(
    arguments: argparse.Namespace, tmp_path: Path
) -> None:
    assert system_here(arguments).database_url == "postgresql://a@b/c"
    empty = argparse.Namespace(folder=tmp_path / "empty")
    with pytest.raises(WronglyAsked) as raised:
        system_here(empty)
    said = str(raised.value)
    assert said.startswith("AGENT_DATABASE_URL is not set: set it, or start a system with")
    assert f"`agent-workers up` in this folder (nothing runs in '{tmp_path}/empty')" in said
    assert said.endswith("with --folder")
