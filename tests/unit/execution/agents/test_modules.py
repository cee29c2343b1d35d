"""Where tools are found: modules by name, whole packages, and what installed packages offer."""

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from uuid import uuid4

import pytest

from agent_workers.domain.errors import Misdeclared
from agent_workers.execution.agents.modules import GROUP, installed_tools
from agent_workers.execution.agents.registry import load
from tests.unit.execution.agents.doubled_tools import look, look_too

TOOL = '''
from agent_workers import Effect, tool

@tool(effect=Effect.PURE)
def {name}(at: str) -> str:
    """Look."""
    return at
'''
HERE = "tests.unit.execution.agents.test_modules"
several = [look, look_too]
nothing = "no tool"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package with a tool in itself, in a module and in a package below it."""
    name = f"tools_{uuid4().hex}"
    below = tmp_path / name / "below"
    below.mkdir(parents=True)
    (tmp_path / name / "__init__.py").write_text(TOOL.format(name="first"))
    (tmp_path / name / "near.py").write_text(TOOL.format(name="second"))
    (tmp_path / name / "_hidden.py").write_text("raise RuntimeError('it is left out')")
    (tmp_path / name / "__main__.py").write_text("raise RuntimeError('it is left out')")
    (below / "__init__.py").write_text("")
    (below / "far.py").write_text(TOOL.format(name="third"))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    for module in [one for one in sys.modules if one.startswith(name)]:
        del sys.modules[module]


def test_a_package_with_a_star_is_all_that_is_in_it(package: str):
    assert set(load([f"{package}.*"]).tools) == {"first", "second", "third"}
    assert set(load([package]).tools) == {"first"}
    assert set(load([f"{package}.below.*"]).tools) == {"third"}


def test_a_module_of_a_package_that_cannot_be_imported_is_not_passed_over(
    package: str, tmp_path: Path
):
    (tmp_path / package / "broken.py").write_text("import no_such_module_at_all")
    with pytest.raises(Misdeclared, match="no module named 'no_such_module_at_all'"):
        load([f"{package}.*"])


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("import sys\nsys.exit(3)", r"SystemExit: 3 \(tools_\w+/broken.py:2\)$"),
        ("x =", r"SyntaxError: invalid syntax \(broken.py, line 1\)"),
        ("\nimport os\nos.environ['NO_SUCH']", r"KeyError: 'NO_SUCH' \(tools_\w+/broken.py:3\)$"),
        (
            TOOL.replace("@tool(effect=Effect.PURE)", "@tool(3)"),
            r"@tool is for functions, and 3 is not one \(tools_\w+/broken.py:4\)$",
        ),
    ],
)
def test_a_module_that_breaks_is_one_line_that_says_where(
    package: str, tmp_path: Path, written: str, words: str
):
    (tmp_path / package / "broken.py").write_text(written.replace("{name}", "look"))
    with pytest.raises(Misdeclared, match=words):
        load([f"{package}.broken"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("{0}.below", r"package '{0}.below' \(.*__init__.py\) .*; name '{0}.below.\*' to load"),
        ("{0}.idle", r"module '{0}.idle' \(.*idle.py\) .*; declare one there with `Agent\(…\)`"),
        ("{0}.empty.*", r"package '{0}.empty' \(.*__init__.py\) .*; declare one there with"),
        ("time", r"module 'time' \(built into Python\) declares no agent and no tool"),
    ],
)
def test_a_module_that_declares_nothing_is_refused(
    package: str, tmp_path: Path, name: str, words: str
):
    (tmp_path / package / "idle.py").write_text("answer = 42")
    (tmp_path / package / "empty").mkdir()
    (tmp_path / package / "empty" / "__init__.py").write_text("")
    with pytest.raises(Misdeclared, match=words.format(package)):
        load([name.format(package)])


@pytest.mark.parametrize(
    ("file", "name", "words"),
    [
        ("calendar.py", "calendar", "rename ./calendar.py: the standard library has a module"),
        ("email/tools.py", "email.tools", "rename ./email: the standard library has a module"),
        ("pydantic.py", "pydantic", "rename ./pydantic.py: Python finds another module of that"),
    ],
)
def test_a_file_that_python_does_not_find_because_of_its_name_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, name: str, words: str
):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(TOOL.format(name="look"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Misdeclared, match=words):
        load([name])


def test_a_module_that_imports_what_is_missing_is_told_with_its_line(package: str, tmp_path: Path):
    (tmp_path / package / "broken.py").write_text("\nimport no_such_module_at_all")
    with pytest.raises(Misdeclared, match=rf"{package}.broken'\) \({package}/broken.py:2\)$"):
        load([f"{package}.broken"])
    with pytest.raises(Misdeclared, match="it is neither in this folder nor installed"):
        load([f"{package}.missing"])


def test_two_agents_of_one_name_are_told_with_their_lines(package: str, tmp_path: Path):
    agent = "from agent_workers import Agent\n\n{} = Agent(name='twin', plan=print)\n"
    (tmp_path / package / "one.py").write_text(agent.format("one"))
    (tmp_path / package / "two.py").write_text(agent.format("two: Agent"))
    places = f"{package}/one.py:3 and {package}/two.py:3; rename one"
    with pytest.raises(Misdeclared, match=f"two agents are named 'twin': {places}"):
        load([f"{package}.*"])


def test_tools_of_one_name_are_told_with_their_lines():
    with pytest.raises(Misdeclared) as refused:
        load([f"{HERE.rpartition('.')[0]}.doubled_tools"])
    places = "tests/unit/execution/agents/doubled_tools.py:6 and tests/unit/execution/agents/doubled_tools.py:12"
    assert str(refused.value) == (
        f"agent 'unclear': several tools are named 'look' ({places}); rename one"
    )


@pytest.mark.parametrize("name", ["tools/desk.py", "./tools/desk.py"])
def test_the_path_of_a_file_is_told_as_its_module(name: str):
    with pytest.raises(Misdeclared, match=r"names the file '.*': name its module, 'tools.desk'"):
        load([name])


def test_a_star_is_for_packages_alone():
    with pytest.raises(Misdeclared, match="is not a package"):
        load([f"{HERE}.*"])


def offered(value: str) -> EntryPoint:
    return EntryPoint(name="mine", value=value, group=GROUP)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (f"{HERE}:look", ["look"]),
        (f"{HERE}:several", ["look", "look"]),
        ("agent_workers.demo.tools", ["none", "read_order", "refund", "search_policy"]),
    ],
)
def test_a_package_offers_a_module_a_tool_or_several(value: str, names: list[str]):
    assert sorted(one.name for one in installed_tools([offered(value)])) == names


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (f"{HERE}:nothing", "neither a module, a tool nor a list of tools"),
        (f"{HERE}:missing", "cannot be loaded"),
        ("no_such_module_at_all", "cannot be loaded"),
    ],
)
def test_what_a_package_offers_and_is_no_tool_is_told_with_its_name(value: str, words: str):
    with pytest.raises(Misdeclared, match=rf"entry point 'mine'.*{words}"):
        installed_tools([offered(value)])


def test_an_agent_may_name_such_a_tool_and_one_of_a_module_takes_its_place():
    at_hand = installed_tools([offered("agent_workers.demo.tools")])
    registry = load(["agent_workers.demo.agents"], beside=(*at_hand, look))
    assert registry.tools["look"].declared is look
    assert load([HERE], beside=[look_too]).doubled.keys() == {"look"}


def test_two_packages_that_offer_one_name_leave_it_unclear_which_is_meant():
    registry = load([], beside=[look, look_too])
    assert registry.doubled.keys() == {"look"}
    assert load(["agent_workers.demo.tools"], beside=[look]).doubled == {}
