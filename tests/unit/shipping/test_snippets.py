"""The snippets of all pages are right: Python runs, commands parse, requests fit the API.

Two pages are typed word by word into shells besides (`tests/acceptance/test_pages.py`).
"""

import argparse
import ast
import builtins
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from agent_workers.cli.main import COMMANDS, loaded
from agent_workers.terminal.parsing import Parser
from agent_workers.worker.programs.main import parser as worker_parser
from api.routes import described
from tests.support.repository import ROOT
from tests.support.snippets import Block, blocks, commands, inline_commands, typed

# Files of these pages are written and run by tests/acceptance/test_pages.py.
TYPED = {"tutorial.md", "troubleshooting.md"}
# What a snippet begins with that cannot run here. A reader sees it, too.
NEEDS = re.compile(r"# Needs .+\.\n")
PYTHON = sorted({one.page for one in blocks("python")})


@pytest.mark.parametrize("page", PYTHON, ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page: Path, as_module: Callable[[str], ModuleType]) -> None:
    module = as_module(f"snippets_of_{page.parent.name}_{page.stem}".replace("-", "_").lower())
    for block in blocks("python"):
        if block.page == page and page.name not in TYPED:
            tree = ast.parse(block.text, str(block))
            if NEEDS.match(block.text):
                tree.body = [one for one in tree.body if is_import_of_ours(one)]
            exec(compile(tree, str(block), "exec"), module.__dict__)  # it is our own text


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_a_snippet_uses_no_name_that_its_page_does_not_explain(block: Block) -> None:
    before = [one for one in blocks("python") if one.page == block.page and one.line <= block.line]
    known = set(dir(builtins)) | {name for one in before for name in bound(ast.parse(one.text))}
    used = {one.id for one in ast.walk(ast.parse(block.text)) if isinstance(one, ast.Name)}
    assert used - known - OF_THE_READER == set()


# Names that stand for the reader's own code, and are explained in the sentence before.
OF_THE_READER = {"payments"}


def test_every_block_says_its_language() -> None:
    assert [str(block) for block in blocks("")] == []


def test_commands_of_blocks_parse() -> None:
    wrong = [(place, told) for place, words in commands() if (told := complaint(words))]
    assert wrong == []


def test_commands_that_sentences_name_have_such_verbs_and_options() -> None:
    wrong = [(place, told) for place, words in inline_commands() if (told := missing(words))]
    assert wrong == []


def test_requests_fit_a_route_and_its_schema() -> None:
    wrong = [(place, told) for place, words in commands() if (told := misfit(words))]
    assert wrong == []


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_yaml_can_be_read(block: Block) -> None:
    assert yaml.safe_load(block.text)


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("agent-workers jobs submit weather Lisbon --wiat  # a typo", "parse"),
        ("A=b agent-workers no-such-command", "parse"),
        ("cd x && agent-workers jobs cancel", "parse"),
        ("make tets", "parse"),
        ("agent-workers jobs lst", "name"),
        ("agent-workers doctor --wiat", "name"),
        ("curl localhost:8000/v1/jbos", "fit"),
        ("""curl localhost:8000/v1/jobs \\\n  -d '{"agnet": "refunds"}'""", "fit"),
    ],
)
def test_a_mistake_would_be_noticed(text: str, check: str) -> None:
    [*_, words] = typed(text, shows_output=False)
    checks = {"parse": complaint, "name": missing, "fit": misfit}
    assert checks[check](words)


@pytest.fixture
def as_module() -> Iterator[Callable[[str], ModuleType]]:
    """Make modules that annotations and registries find, and forget them afterwards."""
    before = set(sys.modules)

    def made(name: str) -> ModuleType:
        return sys.modules.setdefault(name, ModuleType(name))

    yield made
    for name in set(sys.modules) - before:
        if name.startswith("snippets_of_"):
            del sys.modules[name]


def is_import_of_ours(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and (node.module or "").startswith("agent_workers")


def bound(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.alias(name, asname):
                yield asname or name.split(".")[0]
            case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
                yield name
            case ast.arg(arg):
                yield arg
            case ast.Name(name, ast.Store()):
                yield name
            case _:
                pass


def parser_of(command: str) -> Parser:
    parser = Parser(prog=f"agent-workers {command}")
    loaded(COMMANDS[command].module).add_arguments(parser)
    return parser


def complaint(words: list[str]) -> str:
    """Return what the command line says against a command, or nothing."""
    match words:
        case ["make", target, *_]:
            return "" if target in targets() else f"no target {target}"
        case ["agent-workers", command, *_] if command not in COMMANDS:
            return f"no command {command}"
        case ["agent-workers", "worker", *rest]:
            return refused(worker_parser().parse_args, rest)
        case ["agent-workers", command, *rest]:
            return refused(parser_of(command).parse_args, rest)
        case _:
            return ""


def refused(parse: Callable[[list[str]], object], words: list[str]) -> str:
    said = StringIO()
    try:
        with redirect_stderr(said):
            parse(words)
    except SystemExit:
        return said.getvalue()
    return ""


def missing(words: list[str]) -> str:
    """Return the verb or the option that a command which may be cut short does not have."""
    match words:
        case ["agent-workers", "worker", *rest]:
            parser: argparse.ArgumentParser = worker_parser()
        case ["agent-workers", command, *rest] if command in COMMANDS:
            parser = parser_of(command)
        case _:
            return complaint(words)
    if rest and (verbs := verbs_of(parser)) and re.fullmatch("[a-z-]+", rest[0]):
        if rest[0] not in verbs:
            return f"no verb {rest[0]}"
        parser = verbs[rest[0]]
    options = {one.partition("=")[0] for one in rest if re.match("--[a-z]", one)}
    return " ".join(options - set(parser._option_string_actions))


def verbs_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    found = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    return {name: verb for one in found for name, verb in one.choices.items()}


def misfit(words: list[str]) -> str:
    """Return what keeps a request of curl from being one that the API takes, or nothing."""
    place = next((one for one in words if re.search(r":8000/(v1|health)/", one)), "")
    if words[0] != "curl" or not place:
        return ""
    path = re.sub(r"^.*?:8000|\?.*$", "", place)
    body = words[words.index("-d") + 1] if "-d" in words else ""
    method = words[words.index("-X") + 1].lower() if "-X" in words else "post" if body else "get"
    told: Any = json.loads(described())
    routes = (route for form, route in told["paths"].items() if fits(form, path))
    operation = next((route[method] for route in routes if method in route), None)
    if operation is None:
        return f"no route {method} {path}"
    wanted = operation.get("requestBody", {}).get("content", {}).get("application/json")
    # An event of CloudEvents in binary form has its members in headers.
    if not body or wanted is None or any("ce-id" in one for one in words):
        return ""
    schema = {**wanted["schema"], "components": told["components"]}
    return "; ".join(
        one.message for one in Draft202012Validator(schema).iter_errors(json.loads(body))
    )


def fits(form: str, path: str) -> bool:
    return bool(re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", form), path))


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
