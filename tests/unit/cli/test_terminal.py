"""Whatever a command prints goes through one place, and only our own styles come out as such."""

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_workers.local.output import Lines
from agent_workers.terminal.printing import print_json, print_rows
from agent_workers.terminal.screening import command, screened, styled
from tests.test_conventions import check

PASSES_BY = re.compile(r"__stdout__|__stderr__|std(?:out|err)\.buffer|from sys import|\\033|\\x1b")
# The place itself; who takes styles out; and who gives a file as it is, unless to a terminal.
MAY_PASS_BY = {"terminal.py", "output.py", "files.py"}
EVIL = "\x1b]0;mine\x07\r\x9b2J\u202e"


class Terminal:
    """Has a pytest stream say that it is one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)


def test_rows_json_and_errors_hold_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    with screened():
        print_rows([{"goal": EVIL, "id": "1"}], ("goal", "id"), none="none")
        sys.stderr.writelines([EVIL])
    told = capsys.readouterr()
    assert all(letter.isprintable() or letter == "\n" for letter in told.out + told.err)
    with screened():
        print_json({"goal": EVIL})
    written = capsys.readouterr().out
    assert all(letter.isprintable() or letter == "\n" for letter in written)
    assert json.loads(written) == {"goal": EVIL}


def test_a_value_with_an_end_of_line_makes_no_row_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with screened():
        print_rows([{"goal": "mine\njob_2 succeeded", "id": "1"}], ("id", "goal"), none="none")
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_our_styles_reach_a_terminal_around_what_is_printable(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Terminal(monkeypatch)
    with screened():
        styled("32", EVIL)
        command("\r", to=sys.stdout)
    told = capsys.readouterr().out
    assert told.startswith("\x1b[32m\\u001b]0;mine")
    assert told.endswith("\x1b[0m\n\r")
    assert told.count("\x1b") == 2


def test_a_supervised_program_commands_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Terminal(monkeypatch)
    with screened():
        Lines(names=4).say("api", f"\x1b[31mred\x1b[0m {EVIL}")
    told = capsys.readouterr().out
    assert "red \\u001b]0;mine" in told
    assert told.count("\x1b") == 2, "a style before the name and one after it"


def test_a_stream_is_its_own_again_afterwards() -> None:
    before = sys.stdout, sys.stderr
    with screened():
        assert sys.stdout is not before[0]
        assert sys.stdout.encoding == before[0].encoding
    assert (sys.stdout, sys.stderr) == before


def test_all_that_a_command_says_goes_by_the_screen() -> None:
    def passes_by(path: Path, _: ast.Module) -> Iterator[str]:
        if path.name not in MAY_PASS_BY:
            yield from PASSES_BY.findall(path.read_text())

    folders = ("agent_workers/cli", "agent_workers/demo")
    check(passes_by, folders=folders, remedy="print it, or style it with terminal/screening.py")
