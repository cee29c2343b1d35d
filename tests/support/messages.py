"""Collects every text that people may read into docs/messages.txt, so that each one is reviewed."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.repository import ROOT

LIST = ROOT / "docs" / "messages.txt"
_PRODUCT = ("agent_workers", "api", "migrations")
_SCHEMA = "docs/schema.sql"
_HEAD = """\
Every text of the product that people may read: command line, HTTP replies, logs, errors.
`make messages` writes this list from the code, and a test compares the two. A text that you add or
change shows up in the diff of this file: read it there as the person who will get it. It says what
happened, to what, and what to do next, in plain English (CONTRIBUTING.md).
"""
# Two words or more. A name, a path or a format is no text.
_WORDS = re.compile(r"[A-Za-z]{2,}[,.:;]? [a-z{'`]|[}'`] [a-z]{2,}")
# Some statements begin like a sentence: what else stands in them tells the two apart.
_MARKS = (
    r"[%=]|''|'\d|\"|::|<>|\w\(|\bon \{"
    r"|\b(table|schema|role|function|database|extension|index|isolation|transaction|all|owner)\b"
)
_SQL = re.compile(
    r"\s*(select|insert into|update \w+ set|delete from|with \w+ as|order by|left join|coalesce"
    r"|returning|not exists|is (not )?null"
    r"|(create|alter|drop|grant|revoke|set|listen|notify|begin|lock|from|where|and|or|on|join|values"
    rf"|case|union|interval|exists)\b(?=.*({_MARKS})))\b",
    re.IGNORECASE | re.DOTALL,
)
_COLUMNS = re.compile(r"[a-z_, .\d{}()]*_[a-z_, .\d{}()]*$")
_LUA = re.compile(r".*redis\.call\(", re.DOTALL)
_NO_TEXTS = (_SQL, _COLUMNS, _LUA)
_FILLED_IN = re.compile(r"\{[^{}]*\}")
_QUOTED = re.compile(r"'((?:[^']|'')*)'")
# What a migration does once is in its own file only; each function is in the schema as it is now.
_DONE_ONCE = re.compile(r"^do \$\$.*?^end \$\$;", re.MULTILINE | re.DOTALL)
_SQL_COMMENT = re.compile(r"--( .*)?$", re.MULTILINE)


def messages(root: Path = ROOT) -> str:
    """Return the list as it should be."""
    parts = [_HEAD]
    for path, texts in _found(root):
        if texts:
            lines = "\n".join(f"- {_one_line(text)}" for text in sorted(texts))
            parts.append(f"{path.relative_to(root).as_posix()}\n{lines}\n")
    return "\n".join(parts)


def _found(root: Path) -> Iterator[tuple[Path, set[str]]]:
    for folder in _PRODUCT:
        for path in sorted((root / folder).rglob("*.py")):
            yield path, set(_in_python(ast.parse(path.read_text("utf-8"))))
    for path in root.glob(_SCHEMA):
        yield path, set(_in_sql(path.read_text("utf-8")))
    for path in sorted(root.glob("migrations/sql/*/*.sql")):
        yield path, set(_in_sql("".join(_DONE_ONCE.findall(path.read_text("utf-8")))))


def _in_python(tree: ast.Module) -> Iterator[str]:
    passed_over = set(map(id, _not_shown(tree)))
    for node in ast.walk(tree):
        if id(node) not in passed_over and (text := _template(node)) and _is_text(text):
            yield text


def _not_shown(tree: ast.Module) -> Iterator[ast.AST]:
    """Find docstrings, lists of words that are split, and the parts of templates."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant() as docstring):
                yield docstring
            case ast.JoinedStr():
                yield from (part for part in ast.walk(node) if part is not node)
            case ast.Call(func=ast.Attribute(value=words, attr="split")):
                yield words
            case _:
                pass


def _template(node: ast.AST) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(
                f"{{{ast.unparse(one.value)}}}"
                if isinstance(one, ast.FormattedValue)
                else _template(one)
                for one in values
            )
        case _:
            return ""


def _in_sql(written: str) -> Iterator[str]:
    for text in _QUOTED.findall(_SQL_COMMENT.sub("", written)):
        if "\n" not in text and _is_text(text):
            yield text.replace("''", "'")


def _is_text(text: str) -> bool:
    said = _FILLED_IN.sub("{}", text)
    return bool(_WORDS.search(said)) and not any(one.match(said) for one in _NO_TEXTS)


def _one_line(text: str) -> str:
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text.strip("\n"))


if __name__ == "__main__":
    LIST.write_text(messages(), "utf-8")
    sys.stdout.write(f"{LIST.relative_to(ROOT)}: {messages().count(chr(10) + '- ')} texts\n")
