"""When a program that runs is believed to hang."""

import pytest

from agent_workers.local.liveness import Hearing


@pytest.fixture
def hearing() -> Hearing:
    return Hearing(late_s=20, misses_allowed=3)


def hangs(hearing: Hearing, answers: str, *, pid: int = 1, every_s: float = 5) -> list[bool]:
    return [
        hearing.hangs(pid=pid, answered=one == "+", now=1_000 + number * every_s)
        for number, one in enumerate(answers)
    ]


def test_who_answered_and_then_never_again_hangs(hearing: Hearing):
    assert hangs(hearing, "+---") == [False, False, False, True]


def test_one_answer_in_between_is_enough(hearing: Hearing):
    assert not any(hangs(hearing, "+--+--+--"))


def test_who_never_answered_is_still_starting(hearing: Hearing):
    assert not any(hangs(hearing, "-" * 100))


def test_a_new_process_starts_from_nothing(hearing: Hearing):
    hangs(hearing, "+--")
    assert not any(hangs(hearing, "---", pid=2))


def test_whoever_looks_late_was_paused_with_everybody_else(hearing: Hearing):
    assert not any(hangs(hearing, "+---------", every_s=30))
