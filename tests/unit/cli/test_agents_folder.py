"""Folders of agents for `up --with`: what is taken from one, and what is refused."""

from pathlib import Path

import pytest

from agent_workers.local.agents.folder import agents_folder, settings_with
from agent_workers.settings import load_settings
from agent_workers.terminal.errors import WronglyAsked


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path.resolve()


def folder_with(here: Path, *names: str, at: str = "desk/front-desk") -> Path:
    folder = here / at
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_modules_are_named_as_they_are_imported_from_where_one_stands(here):
    folder_with(here, "agents.py", "tools.py")
    found = agents_folder(Path("desk/front-desk"))
    assert found.modules == ("desk.front-desk.agents", "desk.front-desk.tools")
    assert (found.scenarios, found.definitions, found.variables) == ((), (), {})
    assert found.programs({}) == ()


def test_what_a_folder_holds_is_added_to_what_is_set(here):
    folders = [
        folder_with(here, "tools.py", "agents.yaml", "scenario.yaml", at=name)
        for name in ("a", "b")
    ]
    found = [agents_folder(folder) for folder in folders]
    settings = settings_with(load_settings(tools="mine", scenario="own.yaml"), found)
    assert settings.tools == ("mine", "a.tools", "b.tools")
    assert settings.scenario == (Path("own.yaml"), *(path / "scenario.yaml" for path in folders))
    assert found[0].definitions == (folders[0] / "agents.yaml",)


def test_a_stand_in_for_the_world_is_started_and_its_address_is_told(here):
    folder = folder_with(here, "agents.py", "outside.py")
    found = agents_folder(folder)
    (program,) = found.programs({"A": "b"})
    assert list(program.command[1:]) == [str(folder / "outside.py"), "--port", str(found.port)]
    assert found.variables == {"FRONT_DESK_URL": f"http://127.0.0.1:{found.port}"}
    assert (program.name, program.environment["A"]) == ("front-desk-outside", "b")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("nowhere", "no such folder"),
        (".", "below"),
        ("/", "below"),
        ("empty", "it has no agents.py"),
    ],
)
def test_a_folder_that_cannot_be_served_is_refused_with_the_reason(here, given, words):
    (here / "empty").mkdir()
    (here / "empty" / "scenario.yaml").touch()
    with pytest.raises(WronglyAsked, match=words):
        agents_folder(Path(given))
