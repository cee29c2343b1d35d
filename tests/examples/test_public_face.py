"""The examples are written as users write: on the public face, and on nothing beside their folder."""

import ast
import sys
from collections.abc import Iterator

import pytest

import agent_workers
from tests.examples.running import EXAMPLES
from tests.support.repository import ROOT


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_imports_the_public_face_and_its_own_folder(name: str):
    allowed = {"agent_workers", "typing_extensions", *sys.stdlib_module_names}
    for module, names in imported(name):
        if module == "agent_workers":
            assert names <= set(agent_workers.__all__)
        assert module in allowed or module.startswith(f"examples.{name}."), module


def imported(name: str) -> Iterator[tuple[str, set[str]]]:
    for path in (ROOT / "examples" / name).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Import(names=names):
                    yield from ((alias.name.partition(".")[0], set()) for alias in names)
                case ast.ImportFrom(module=str(module), names=names):
                    root = module.partition(".")[0]
                    own = root in sys.stdlib_module_names
                    yield root if own else module, {alias.name for alias in names}
                case _:
                    pass
