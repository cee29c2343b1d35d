"""House rules that no linter knows; each failure says its remedy."""

import ast
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.support.repository import ROOT

PRODUCT = ("agent_workers", "api")
PYTHON = (*PRODUCT, "examples", "migrations", "tests", "tools")
TEXT_SUFFIXES = {".cfg", ".ini", ".lock", ".md", ".mako", ".py", ".sql", ".toml", ".yaml", ".yml"}

LONGEST_FILE = 350
# What users import from; the second is loaded by pytest for everybody, so it loads the rest late.
PUBLIC_FACES = {"agent_workers/__init__.py", "agent_workers/testing/__init__.py"}
# Importing litellm costs seconds and 170 MiB: it happens once, in a worker that serves a model.
# Pytest imports the plugin for everybody, whatever they test: it loads the rest when it is used.
LAZY_LOADS = {
    "agent_workers/cli/start/up.py",
    "agent_workers/execution/models/embedders.py",
    "agent_workers/execution/models/litellm/loading.py",
    "agent_workers/pytest_plugin.py",
}
TRANSACTION_CALLS = {"begin_nested", "commit", "rollback"}
# `begin` is a common word: it counts on what can open a transaction.
OPENERS = re.compile(r"conn|cursor|engine|session|store", re.IGNORECASE)
TRANSACTION_SQL = re.compile(r"\s*(BEGIN|COMMIT|ROLLBACK|START TRANSACTION|SAVEPOINT)\b")
VAGUE_NAME = re.compile(r"(Manager|Helper|Util|Utils|Base|Data|Info|Handler|Service)s?$")
VAGUE_FILES = {
    f"{stem}{plural}"
    for stem in ("manager", "helper", "util", "base", "data", "info", "handler", "service")
    for plural in ("", "s")
}
MACHINE_PATH = re.compile(r"(?<![\w.<}])/(?:work|root|Users|home/\w+)/[\w.]")
CLIMBING_PATH = re.compile(r"(?<![\w./])(?:\.\./)+[\w.-]+")
INDEX_OPTION = re.compile(r"^\s*(--(extra-)?index-url|--find-links|-i|-f)\b", re.MULTILINE)

Rule = Callable[[Path, ast.Module], Iterator[str]]


def test_a_file_has_one_idea_and_at_most_350_lines() -> None:
    def too_long(path: Path, _: ast.Module) -> Iterator[str]:
        lines = len(path.read_text().splitlines())
        if lines > LONGEST_FILE:
            yield f"{lines} lines"

    check(too_long, remedy="split it where its docstring needs an 'and'")


def test_a_file_begins_by_saying_what_it_is_for() -> None:
    def silent(_: Path, tree: ast.Module) -> Iterator[str]:
        opening = ast.get_docstring(tree) or ""
        if not opening.split("\n")[0].strip().endswith((".", "?", "!")):
            yield "no one-sentence docstring on its first line"

    check(silent, remedy="make the first statement a docstring of one sentence")


def test_a_package_is_one_docstring_so_that_the_import_graph_is_the_real_one() -> None:
    def reexports(path: Path, tree: ast.Module) -> Iterator[str]:
        if path.name == "__init__.py" and name_of(path) not in PUBLIC_FACES and len(tree.body) != 1:
            yield "holds more than its docstring"

    check(reexports, remedy="move the code to a module and import it from there")


def test_only_state_opens_and_ends_transactions() -> None:
    def transacts(path: Path, tree: ast.Module) -> Iterator[str]:
        if name_of(path).startswith("agent_workers/state/"):
            return
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Attribute(attr=attr)) if attr in TRANSACTION_CALLS:
                    yield f"line {node.lineno}: calls .{attr}()"
                case ast.Call(func=ast.Attribute(value=opener, attr="begin")):
                    if OPENERS.search(ast.unparse(opener)):
                        yield f"line {node.lineno}: calls .begin()"
                case ast.Constant(value=str(sql)) if TRANSACTION_SQL.match(sql):
                    yield f"line {node.lineno}: says {sql.split()[0]}"
                case _:
                    pass

    check(transacts, folders=PRODUCT, remedy="ask state/database/engine.py for a transaction")


def test_no_import_hides_behind_type_checking() -> None:
    def hides(_: Path, tree: ast.Module) -> Iterator[str]:
        for node in ast.walk(tree):
            match node:
                case ast.alias(name="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
                    yield f"line {node.lineno}"
                case _:
                    pass

    check(hides, remedy="needing TYPE_CHECKING is the circle: move the shared word to domain/")


def test_a_program_starts_when_all_of_its_file_was_read() -> None:
    def starts_early(_: Path, tree: ast.Module) -> Iterator[str]:
        for node in tree.body[:-1]:
            if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
                yield f"line {node.lineno}"

    check(
        starts_early,
        remedy='`if __name__ == "__main__":` goes last: what is below is not defined yet',
    )


def test_no_import_hides_in_a_function() -> None:
    def hides(path: Path, tree: ast.Module) -> Iterator[str]:
        if name_of(path) in LAZY_LOADS:
            return
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from hidden_imports(function)

    check(hides, remedy="import at the top; if that is a circle, move the shared word to domain/")


def test_the_domain_imports_the_standard_library_only() -> None:
    def foreign(_: Path, tree: ast.Module) -> Iterator[str]:
        for node in ast.walk(tree):
            for module in imported_by(node):
                known = module.split(".")[0] in sys.stdlib_module_names
                if not known and not module.startswith("agent_workers.domain"):
                    yield f"imports {module}"

    folder = ("agent_workers/domain",)
    check(foreign, folders=folder, remedy="keep the words pure: do this a layer higher")


def test_names_say_what_a_thing_is() -> None:
    def vague(path: Path, tree: ast.Module) -> Iterator[str]:
        if path.stem in VAGUE_FILES:
            yield "the file's name says nothing"
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and VAGUE_NAME.search(node.name):
                yield f"line {node.lineno}: class {node.name}"

    check(vague, remedy="name it by what it is or does, in the words of domain/")


def test_nothing_mentions_the_machine_it_was_written_on() -> None:
    found = [
        f"{name_of(path)}: {match.group()!r}"
        for path in text_files()
        for match in MACHINE_PATH.finditer(path.read_text())
    ]
    assert not found, report(found, "use a path inside the repository, or a temporary folder")


def test_a_relative_path_leads_to_something_in_the_repository() -> None:
    found = [
        f"{name_of(path)}: {match.group()!r}"
        for path in text_files()
        if path.suffix == ".md"
        for match in CLIMBING_PATH.finditer(path.read_text())
        if not inside((path.parent / match.group()).resolve())
    ]
    assert not found, report(found, "link to a file of this repository")


def test_a_lock_names_hashes_and_never_an_index() -> None:
    locks = list(ROOT.glob("requirements*.lock"))
    found = [name_of(path) for path in locks if INDEX_OPTION.search(path.read_text())]
    assert locks
    assert not found, report(found, "run `make lock`, which leaves index addresses out")


def test_every_dependency_has_its_reason_written_down() -> None:
    described = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, groups = described["project"], described["dependency-groups"]
    extras = project["optional-dependencies"]
    lists = (project["dependencies"], *extras.values(), *groups.values())
    names = [re.split(r"[\[<>=;! ]", line)[0] for lines in lists for line in lines]
    reasons = (ROOT / "docs/decisions/0001-dependencies.md").read_text()
    found = [name for name in names if f"`{name}`" not in reasons]
    assert not found, report(found, "add its line to docs/decisions/0001-dependencies.md")


# --------------------------------------------------------------------------------------------


def check(rule: Rule, *, remedy: str, folders: tuple[str, ...] = PYTHON) -> None:
    found = [
        f"{name_of(path)}: {violation}"
        for path in python_files(folders)
        for violation in rule(path, ast.parse(path.read_text()))
    ]
    assert not found, report(found, remedy)


def report(found: list[str], remedy: str) -> str:
    return "\n".join(("", *found, f"Remedy: {remedy}."))


def python_files(folders: tuple[str, ...]) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def text_files() -> list[Path]:
    folders = [path for name in (*PYTHON, "docs") for path in (ROOT / name).rglob("*")]
    files = (*folders, *ROOT.glob("*"))
    return [path for path in files if path.is_file() and path.suffix in TEXT_SUFFIXES]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def inside(path: Path) -> bool:
    return path.exists() and path.is_relative_to(ROOT)


def hidden_imports(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for node in ast.walk(function):
        match node:
            case ast.Import() | ast.ImportFrom():
                yield f"line {node.lineno}: import inside {function.name}()"
            case ast.Call(
                func=ast.Attribute(attr="import_module") | ast.Name(id="import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                yield f"line {node.lineno}: import_module({module!r}) inside {function.name}()"
            case _:
                pass


def imported_by(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module)):
            return [module]
        case _:
            return []
