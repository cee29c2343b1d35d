"""What the documents say is what there is."""

import re
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from agent_workers.cli.main import COMMANDS, main
from agent_workers.domain.tools.tool import Tool
from agent_workers.settings import PREFIX, Settings
from tests.support.repository import ROOT


def test_every_setting_is_in_the_table_and_nothing_else_is():
    table = re.findall(r"^\| (.+?) \|", (ROOT / "docs/configuration.md").read_text(), re.MULTILINE)
    documented = {name for cell in table for name in re.findall(r"`(AGENT_\w+)`", cell)}
    assert documented == {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}


def test_every_command_that_a_document_names_exists():
    documents = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    named = {
        word
        for document in documents
        for word in re.findall(r"(?<!/)agent-workers ([a-z]+)\b", document.read_text())
    }
    assert named <= set(COMMANDS)


def test_every_room_is_on_the_map():
    page = (ROOT / "ARCHITECTURE.md").read_text()
    rooms = {
        folder.parent
        for package in ("agent_workers", "api")
        for folder in (ROOT / package).rglob("__init__.py")
        # The map has one line for the commands: each has the name of what it is about.
        if "cli" not in folder.relative_to(ROOT).parts[:-2]
    }
    assert {
        room.relative_to(ROOT).as_posix() for room in rooms if f"{room.name}/`" not in page
    } == set()


def test_no_two_decisions_have_one_number():
    numbers = [path.name[:4] for path in (ROOT / "docs" / "decisions").glob("0*.md")]
    assert sorted(set(numbers)) == sorted(numbers)


@pytest.fixture
def loaded(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """The Python of a document that declares tools, as a module that a worker could import."""
    page = ROOT / request.param
    module = ModuleType(f"blocks_of_{page.stem.lower()}")
    sys.modules[module.__name__] = module
    for block in re.findall(r"```python\n(.+?)```", page.read_text(), re.DOTALL):
        if "@tool" in block:
            exec(compile(block, page.name, "exec"), module.__dict__)  # it is our own text
    yield module
    del sys.modules[module.__name__]


@pytest.mark.parametrize("loaded", ["README.md", "docs/quickstart.md"], indirect=True)
def test_tools_check_has_nothing_against_the_first_tools_that_somebody_copies(
    loaded: ModuleType, capsys: pytest.CaptureFixture[str]
):
    own = [one.name for one in vars(loaded).values() if isinstance(one, Tool)]
    assert own
    assert main(["tools", "check", "--tools", loaded.__name__, *own]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("loaded", ["README.md"], indirect=True)
def test_the_readme_s_first_tool_answers(loaded: ModuleType):
    assert loaded.forecast("Lisbon") == {"city": "Lisbon", "tomorrow": "sunny"}
