"""What a program says when it cannot go on: one line, and a code that says whether to try again."""

import pytest

from agent_workers.domain.errors import AgentWorkersError, Misdeclared, StateUnavailable
from agent_workers.domain.running.exits import AWAY, WRONG, Away, WronglyTold, exit_code_of
from agent_workers.observability.programs import run_program
from agent_workers.settings import SettingsWrong
from agent_workers.terminal.errors import CommandFailed, WronglyAsked


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SettingsWrong("x"), WRONG),
        (Misdeclared("x"), WRONG),
        (WronglyTold("x"), WRONG),
        (WronglyAsked("x"), WRONG),
        (Away("x"), 75),
        (StateUnavailable("x"), 75),
        (CommandFailed("x"), 1),
        (AgentWorkersError("x"), 1),
    ],
)
def test_a_code_says_whether_starting_again_can_help(error: AgentWorkersError, code: int) -> None:
    assert exit_code_of(error) == code


def test_what_ends_a_program_is_one_line_without_a_password(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails() -> None:
        raise Away("postgresql://me:hunter2@db/agent\nis away")

    assert run_program("beat", fails) == AWAY
    assert capsys.readouterr().err == (
        "agent-workers beat: postgresql://me:[secret]@db/agent is away\n"
    )


def test_a_program_that_was_told_to_stop_ends_well() -> None:
    assert run_program("beat", lambda: None) == 0
