"""What is printed: whatever a tool gave, a terminal takes it."""

import io
import json
import sys
from datetime import UTC, datetime

import pytest

from agent_workers.terminal.printing import counted, print_json, print_rows, print_thing


def test_half_a_character_is_printed_as_a_question_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(terminal, "utf-8", write_through=True))
    print_json({"gave": "\ud800"})
    assert b'"gave": "?"' in terminal.getvalue()


def test_of_a_row_the_last_cell_says_why_something_is_missing_and_is_cut_late(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_rows([{"what": "w" * 100, "why": "y" * 100}], ("what", "why"), none="none")
    [_, row] = capsys.readouterr().out.splitlines()
    assert row == "w" * 59 + "…" + "  " + "y" * 100


def test_a_moment_is_written_as_the_api_writes_it(capsys: pytest.CaptureFixture[str]) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    print_json({"at": at})
    print_rows([{"at": at}], ("at",), none="none")
    assert capsys.readouterr().out.count("2026-01-02T03:04:05Z") == len({"json", "rows"})


def test_one_thing_is_counted_in_the_singular_and_more_in_the_plural() -> None:
    assert [counted(1, "step"), counted(2, "step")] == ["1 step", "2 steps"]
    assert counted(0, "memory", "memories") == "0 memories"
    assert counted(1, "memory", "memories") == "1 memory"


def test_an_empty_list_has_no_row_and_says_what_to_do_beside_the_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_rows([], ("id",), none="no jobs; submit one")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "no jobs; submit one\n")


def test_one_thing_is_told_a_member_a_line_and_as_json_for_programs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    thing = {"id": "k1", "reason": None, "request": {"amount": 1}, "permits": [{"x": "y" * 90}]}
    print_thing(thing, as_json=False)
    id_, request, permits, *rest = capsys.readouterr().out.splitlines()
    assert (id_, request, permits) == ("id       k1", "request  amount: 1", "permits")
    assert f'      "x": "{"y" * 90}"' in rest
    print_thing(thing, as_json=True)
    assert json.loads(capsys.readouterr().out) == thing
