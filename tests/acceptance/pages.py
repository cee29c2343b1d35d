"""Runs a page of the documentation as a reader would: its files, its terminals, its commands."""

import doctest
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psutil

_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    language: str
    title: str
    text: str

    @property
    def commands(self) -> Iterator[tuple[str, str]]:
        """Each command after a `$`, with the output that the page shows below it."""
        for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            yield command, shown


def blocks_of(page: str, ports: Mapping[str, int]) -> list[Block]:
    for named, free in ports.items():
        page = re.sub(rf"\b{named}\b", str(free), page)
    found = _BLOCK.findall(page)
    return [Block(language=one, title=title, text=text) for one, title, text in found]


@dataclass(slots=True)
class Reader:
    """Somebody who sits in an empty folder and does what a page says, block by block."""

    folder: Path
    variables: Mapping[str, str]
    # A machine that runs other tests has others' servers at the ports that the page names.
    ports: Mapping[str, int]
    terminals: list[subprocess.Popen[str]] = field(default_factory=list)

    def read(self, page: Path) -> None:
        typing = self._terminal(self.folder / "typed.log")
        for block in blocks_of(page.read_text("utf-8"), self.ports):
            match block:
                case Block(language="console", title=""):
                    self._type(typing, block)
                case Block(language="console"):
                    self._start(block)
                case Block(title=name) if name:
                    (self.folder / name).write_text(block.text)
                case _:
                    pass

    def close(self) -> None:
        for terminal in self.terminals:
            with suppress(psutil.Error):
                for process in psutil.Process(terminal.pid).children(recursive=True):
                    process.terminate()
            terminal.terminate()
        for terminal in self.terminals:
            terminal.wait(60)
            if terminal.stdin is not None:
                terminal.stdin.close()
        self.terminals.clear()

    def _terminal(self, log: Path) -> subprocess.Popen[str]:
        with log.open("w") as output:
            terminal = subprocess.Popen(
                ["bash"],
                cwd=self.folder,
                env=dict(self.variables),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self.terminals.append(terminal)
        return terminal

    def _type(self, typing: subprocess.Popen[str], block: Block) -> None:
        """Type commands one after another, and hold what they print against the page."""
        log = self.folder / "typed.log"
        for command, shown in block.commands:
            before, done = len(log.read_text()), f"done {uuid4().hex}"
            _say(typing, f"{command}\necho '{done}' $?\n")
            output, _, status = _seen(log, done, command)[before:].rpartition(done)
            assert status.strip() == "0", f"$ {command}\n{output}exit code {status}"
            assert _fits(shown, output), (
                f"$ {command}\nthe page shows:\n{shown}\nit says:\n{output}"
            )

    def _start(self, block: Block) -> None:
        """Start what runs in a terminal of its own, until it says what the page shows last."""
        log = self.folder / f"{block.title.replace(' ', '-')}.log"
        _say(self._terminal(log), "".join(f"{command}\n" for command, _ in block.commands))
        words = [word for _, shown in block.commands for word in re.split(r"[…\n]+", shown) if word]
        if words:
            _seen(log, words[-1], block.text)


@contextmanager
def reader(
    folder: Path, variables: Mapping[str, str], ports: Mapping[str, int]
) -> Iterator[Reader]:
    one = Reader(folder, variables, ports)
    try:
        yield one
    finally:
        one.close()


def _say(terminal: subprocess.Popen[str], words: str) -> None:
    assert terminal.stdin is not None
    terminal.stdin.write(words)
    terminal.stdin.flush()


def _seen(log: Path, word: str, what: str) -> str:
    deadline = time.monotonic() + _PATIENCE_S
    while word not in (text := log.read_text()):
        assert time.monotonic() < deadline, f"waited in vain for {word!r} of:\n{what}\n{text}"
        time.sleep(0.05)
    return text


def _fits(shown: str, output: str) -> bool:
    return not shown or doctest.OutputChecker().check_output(
        shown.replace("…", "..."), output, _FLAGS
    )
