"""The examples are written as users write: on the public face, and on nothing beside their folder."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import agent_workers
from tests.examples.running import EXAMPLES
from tests.support.repository import ROOT


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_imports_the_public_face_and_its_own_folder(name: str):
    allowed = {"agent_workers", "typing_extensions", *sys.stdlib_module_names}
    for path in (ROOT / "examples" / name).rglob("*.py"):
        for_tests = {"pytest", "agent_workers.testing"} if path.name.startswith("test_") else set()
        for module, names in imported(path):
            if module == "agent_workers":
                assert names <= set(agent_workers.__all__)
            ours = module in allowed | for_tests or module.startswith(f"examples.{name}.")
            assert ours, f"{path}: {module}"


def imported(path: Path) -> Iterator[tuple[str, set[str]]]:
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
