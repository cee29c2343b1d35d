"""What the pages tell a reader to write and to type: blocks of code, and single commands."""

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from tests.support.repository import ROOT

PAGES = sorted(
    (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("**/README.md"))
)
_BLOCK = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`((?:agent-workers|make) [^`\n]+)`(?!`)")
# A quoted string is passed by, so a `#` inside it begins no comment.
_COMMENT = re.compile(r"""('[^']*'|"[^"]*")|(?:^|(?<=\s))#[^\n]*""", re.MULTILINE)
_SHELLS = ("sh", "console")
_ENDS = set(";&|()\n")
_IN_COMPOSE = ["docker", "compose", "run", "--rm", "admin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    page: Path
    line: int
    language: str
    text: str

    @override
    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    return [one for page in PAGES for one in _blocks(page) if one.language in languages]


def commands() -> Iterator[tuple[str, list[str]]]:
    """Yield each simple command of the shell blocks, and where it is, as words."""
    for block in blocks(*_SHELLS):
        for words in typed(block.text, shows_output=block.language == "console"):
            yield str(block), words


def inline_commands() -> Iterator[tuple[str, list[str]]]:
    """Yield the commands that sentences name. They may be cut short: `agent-workers doctor`."""
    for page in PAGES:
        prose = _BLOCK.sub("", page.read_text())
        for match in _INLINE.finditer(prose):
            yield page.relative_to(ROOT).as_posix(), match[1].replace("'", "").split()


def typed(text: str, *, shows_output: bool) -> Iterator[list[str]]:
    if shows_output:
        text = "\n".join(line[2:] for line in text.splitlines() if line.startswith("$ "))
    text = _COMMENT.sub(lambda match: match[1] or "", text).replace("\\\n", " ")
    reading = shlex.shlex(text, posix=True, punctuation_chars=";&|()\n")
    reading.whitespace, reading.whitespace_split, reading.commenters = " \t", True, ""
    words: list[str] = []
    for word in (*reading, "\n"):
        if set(word) <= _ENDS:
            yield from filter(None, [_without_surroundings(words)])
            words = []
        else:
            words.append(word)


def _without_surroundings(words: list[str]) -> list[str]:
    """Return the command itself: no variables before it, no folder, no container around it."""
    while words and re.match(r"[A-Z_]+=", words[0]):
        words = words[1:]
    if words[: len(_IN_COMPOSE)] == _IN_COMPOSE:
        return ["agent-workers", *(words[len(_IN_COMPOSE) :] or ["doctor"])]
    if words and words[0] == "agent-workers-admin":
        return ["agent-workers", *words[1:]]
    return [words[0].rpartition("/")[2], *words[1:]] if words else []


def _blocks(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        dedented = textwrap.dedent(match[3])
        yield Block(page=page, line=line, language=match[2], text=dedented)
