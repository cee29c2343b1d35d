"""Workers die, freeze and lose their wires at every named point; nothing is done twice or lost."""

import importlib
import inspect

import pytest

from agent_workers.proving.command import prove
from agent_workers.proving.grounds import Servers
from agent_workers.proving.matrix import Report
from agent_workers.proving.process.points import POINTS, Point
from agent_workers.proving.trials.planning import Extent, Planning
from agent_workers.proving.trials.trials import BY_NAME, VARIANTS, Due, Fault

pytestmark = pytest.mark.slow

# Another seed is another sample; `agent-workers prove` takes one at random and says which.
_SEED = 1
_EXTENT = Extent(
    freezes=4, dozes=4, pairs=2, lines=3, postgres=3, redis=2, server=3, behaviours=2, stops=3
)


@pytest.fixture(scope="module")
def report(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Report:
    planning = Planning(seed=_SEED, extent=_EXTENT, variants=VARIANTS)
    proven = prove(servers, planning, folder=tmp_path_factory.mktemp("prove"), at_once=12)
    proven.print()
    return proven


def test_no_effect_is_repeated_or_lost_and_every_job_comes_to_its_end(report: Report) -> None:
    wrongs = [(one.trial.name, one.places, one.wrongs) for one in report.judged if one.wrongs]
    assert not wrongs, f"seed {report.seed}"


def test_the_database_agrees_with_itself_after_every_crash(report: Report) -> None:
    assert not report.broken, f"seed {report.seed}"


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
def test_a_named_point_is_a_place_in_the_code(point: Point) -> None:
    place: object = importlib.import_module(point.module)
    for name in point.function.split("."):
        place = getattr(place, name)
    assert callable(place)
    assert point.text in inspect.getsource(place)


def test_every_named_point_is_struck(report: Report) -> None:
    struck = {place for one in report.judged for place in one.places}
    assert [point.name for point in POINTS if point.name not in struck] == []


def test_nearly_every_blow_falls_where_it_was_meant_to(report: Report) -> None:
    missed = [one.trial.name for one in report.judged if not one.seen.struck]
    assert len(missed) < len(report.judged) / 10, missed


def test_only_what_nobody_can_know_ends_in_doubt(report: Report) -> None:
    doubted = {
        one.trial.variant.name
        for one in report.judged
        if one.seen.doubted
        and one.trial.fault is not Fault.CANCEL
        and one.trial.due is not Due.DOUBT
    }
    assert doubted <= {name for name, variant in BY_NAME.items() if variant.may_doubt}
