"""What tool authors get: a tool at every crash point, judged by who counts outside."""

import psycopg
import pytest

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.tools.declaring import tool
from agent_workers.domain.tools.tool import Tool
from agent_workers.testing import counting
from agent_workers.testing.tries import CrashPoints, Proof, Reach, Try
from agent_workers.testing.trying import Tried
from tests.crash import honest

pytestmark = pytest.mark.slow

_FEW = Reach(moments=4, lines=3, freezes=1, pairs=1)
_LIARS = {
    "charge_anyway": (honest.charge_anyway, "duplicate"),
    "book_blindly": (honest.book_blindly, "duplicate"),
    "pretend": (honest.pretend, "lost"),
}


@pytest.fixture(scope="module")
def proof(crash_points: CrashPoints, counter_url: str) -> Proof:
    told = _try(honest.charge, counter_url)
    lied = [
        _try(one, counter_url, reach=Reach(moments=1, lines=0, freezes=0, pairs=0))
        for one, _ in _LIARS.values()
    ]
    written = Try(
        tool=honest.note,
        arguments=lambda mark: {"mark": mark},
        happened=_noted,
        reach=Reach(moments=3, lines=1, freezes=0, pairs=0),
    )
    tables = ("create table notes (mark text not null)",)
    awaited = _try(
        honest.charge_async, counter_url, reach=Reach(moments=3, lines=0, freezes=1, pairs=0)
    )
    return crash_points(told, awaited, written, *lied, statements=tables)


def test_what_an_honest_tool_does_happens_once(proof: Proof) -> None:
    assert [wrong for wrong in proof.wrongs if not wrong.startswith(tuple(_LIARS))] == []


@pytest.mark.parametrize("name", _LIARS)
def test_a_tool_that_is_not_what_it_says_is_found_out(proof: Proof, name: str) -> None:
    said = [wrong for wrong in proof.wrongs if wrong.startswith(f"{name}/")]
    assert any(_LIARS[name][1] in wrong for wrong in said)


def test_where_somebody_can_know_nothing_is_left_in_doubt(proof: Proof) -> None:
    assert not any(proof.doubts.values())


def test_lines_of_the_tool_itself_are_crash_points(proof: Proof) -> None:
    assert [
        place for place in proof.places["charge"] if place.partition(":")[0].endswith("honest.py")
    ]


def test_a_tool_that_no_worker_could_import_is_refused(crash_points: CrashPoints) -> None:
    @tool(effect=EffectClass.PURE)
    def local() -> str:
        """Stand in a function."""
        return ""

    with pytest.raises(Misdeclared, match="put it into a module of its own"):
        crash_points(Try(tool=local))


def test_an_effect_without_anybody_who_counts_it_is_refused() -> None:
    with pytest.raises(Misdeclared, match="happened="):
        Try(tool=honest.charge)


def _try(one: Tool, counter_url: str, *, reach: Reach | None = None) -> Try:
    return Try(
        tool=one,
        arguments=lambda mark: {"counter": counter_url, "mark": mark},
        happened=lambda tried: counting.count(counter_url, tried.mark).applied,
        reach=reach or _FEW,
    )


def _noted(tried: Tried) -> int:
    with psycopg.connect(tried.database_url) as connection:
        return connection.execute("select from notes where mark = %s", (tried.mark,)).rowcount
