"""What is printed: whatever a tool gave, a terminal takes it."""

import io
import sys

import pytest

from agent_workers.cli.printing import print_json


def test_half_a_character_is_printed_as_a_question_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(terminal, "utf-8", write_through=True))
    print_json({"gave": "\ud800"})
    assert b'"gave": "?"' in terminal.getvalue()
