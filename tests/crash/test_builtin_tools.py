"""Built-in tools at every crash point, against real counterparts that count."""

import pytest

from agent_workers.testing.effect_counter import EffectCounter
from agent_workers.testing.tries import CrashPoints, Proof
from tests.crash import builtin_tools
from tests.support.mail_servers import serving_mail

pytestmark = pytest.mark.slow

# Nobody can say later whether they happened.
_UNSAFE = {"http_send", "send_email"}


@pytest.fixture(scope="module")
def proof(crash_points: CrashPoints, effect_counter: EffectCounter) -> Proof:
    with serving_mail() as mail:
        return crash_points(
            *builtin_tools.sending(effect_counter),
            *builtin_tools.writing(mail),
            *builtin_tools.keeping(),
            statements=builtin_tools.OLD_FILES,
        )


def test_no_effect_of_a_built_in_tool_is_repeated_or_lost(proof: Proof) -> None:
    assert proof.wrongs == ()


def test_only_where_nobody_can_know_a_built_in_tool_leaves_doubts(proof: Proof) -> None:
    assert {name for name, number in proof.doubts.items() if number} == _UNSAFE


def test_each_was_struck_in_its_own_lines(proof: Proof) -> None:
    unstruck = [
        name
        for name, places in proof.places.items()
        if not any(".py:" in place for place in places) and ", its " not in name
    ]
    assert unstruck == []
