"""Every SQL statement of ours, read by Postgres's own parser: those of functions, and those of `state/`."""

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pglast import parse_plpgsql, parse_sql
from pglast.ast import CreateFunctionStmt
from pglast.stream import RawStream

from tests.support.repository import ROOT
from tests.support.schema import FILE

STATE = ROOT / "agent_workers/state"
STATE_FILES = sorted(STATE.rglob("*.py"))
_BEGINS = re.compile(r"\s*(with|select|insert|update|delete)\s", re.IGNORECASE)
_ARRAYS = re.compile(r"\b(?:ring|submission)\[\]")
_PARAMETER = re.compile(r"%\(\w+\)[sbt]|%[sbt]")


@dataclass(frozen=True, slots=True)
class Statement:
    """Where it stands: the function's name, or the module's and the constant's."""

    place: str
    text: str


def of_functions() -> Iterator[Statement]:
    """Give the statements in the bodies of SQL and plpgsql functions."""
    source = FILE.read_bytes()
    for raw in parse_sql(source.decode()):
        if isinstance(raw.stmt, CreateFunctionStmt):
            begins = raw.stmt_location or 0
            ends = begins + (raw.stmt_len or len(source))
            yield from _of_function(raw.stmt, source[begins:ends].decode())


def of_modules() -> Iterator[Statement]:
    """Give the statements that modules of `state/` execute, whole, with `$1` for each parameter."""
    for path in STATE_FILES:
        within = ".".join(path.relative_to(STATE).with_suffix("").parts)
        module = importlib.import_module(f"agent_workers.state.{within}")
        tree = ast.parse(path.read_text())
        whole = _said_whole(tree)
        for name, value in vars(module).items():
            if isinstance(value, str) and name in whole:
                yield from _said(f"{within}.{name}", value)
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                said = (node.value for node in ast.walk(function) if isinstance(node, ast.Constant))
                for text in said:
                    if isinstance(text, str) and text != ast.get_docstring(function, clean=False):
                        yield from _said(f"{within}.{function.name}", text)


def _said(place: str, text: str) -> Iterator[Statement]:
    if _BEGINS.match(text) and "{" not in text:
        yield Statement(place, _PARAMETER.sub("$1", text).replace("%%", "%"))


def _said_whole(tree: ast.Module) -> set[str]:
    """Name what is used as it is, and not only as a piece of something longer."""
    pieces = {
        id(name)
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp | ast.JoinedStr)
        for name in ast.walk(node)
    }
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in pieces
    }


def _of_function(function: CreateFunctionStmt, source: str) -> Iterator[Statement]:
    name = function.funcname[-1].sval
    options = {option.defname: option.arg for option in function.options}
    if options["language"].sval == "sql":
        body = options["as"][0].sval
        yield from (Statement(name, RawStream()(raw)) for raw in parse_sql(body))
        return
    # The parser takes neither arrays of our own types nor a function's schema.
    head, begins, body = source.partition(" AS $")
    known = head.replace("agent_workers.", "") + begins + body
    for query in _queries(parse_plpgsql(_ARRAYS.sub("text[]", known))):
        yield Statement(name, query)


def _queries(tree: object) -> Iterator[str]:
    if isinstance(tree, list):
        for item in tree:
            yield from _queries(item)
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key == "PLpgSQL_expr":
                yield from _as_statement(value["query"])
            else:
                yield from _queries(value)


def _as_statement(query: str) -> Iterator[str]:
    """An expression is what is selected; what stands on the left of an assignment is nobody's."""
    assigned = re.sub(r"^\s*[\w.\[\]\"]+\s*:?=\s*(?!=)", "select ", query)
    yield assigned if _BEGINS.match(assigned) else f"select {assigned}"
