"""What others wrote is shown as letters, and is no command to a terminal."""

import json

import pytest

from agent_workers.domain.text.printable import printable, printable_line

COMMANDS = {
    "an escape": "\x1b[2J",
    "a title": "\x1b]0;mine\x07",
    "a link": "\x1b]8;;http://there\x1b\\here\x1b]8;;\x1b\\",
    "back to the beginning": "all is well\rfailed",
    "backspaces": "failed\b\b\b\b\b\bpassed",
    "a C1 escape": "\x9b2J",
    "text turned round": "\u202egnp.exe\u2066",
    "a mark of direction": "\u200f\u061c",
    "text that hides": "\U000e0041\u200b\ufeff\u00ad",
    "ends of lines of others": "\u2028\u2029\x0b\x0c\x85",
    "half a pair": "\ud800",
    "rubbed out": "\x7f\x00",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_reaches_a_terminal(name: str) -> None:
    shown = printable(COMMANDS[name])
    assert shown.isprintable()
    assert printable_line(COMMANDS[name]) == shown


@pytest.mark.parametrize("name", COMMANDS)
def test_json_means_the_same_afterwards(name: str) -> None:
    written = json.dumps({"a": [COMMANDS[name]]}, ensure_ascii=False)
    assert json.loads(printable(written)) == {"a": [COMMANDS[name]]}


@pytest.mark.parametrize("text", ["", "plain", "żółw 亀 🐢", "क्\u200dष", "a\u00a0b", "👩\u200d🚀"])
def test_letters_of_all_languages_are_left_alone(text: str) -> None:
    assert printable(text) == printable_line(text) == text


def test_ends_of_lines_and_tabs_are_ours_to_write_and_not_a_rows() -> None:
    assert printable("a\n\tb") == "a\n\tb"
    assert printable_line("a\n\tb") == r"a\u000a\u0009b"
