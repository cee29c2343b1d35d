"""A tenant that floods, bombs and stalls keeps another one from nothing."""

import pytest

from agent_workers.bench.hostile import beside_a_hostile_tenant
from agent_workers.bench.measures import percentile
from agent_workers.bench.stage import stage

pytestmark = pytest.mark.slow
# What is promised is 1 s and 2 s (`agent-workers bench hostile`); what was found before was 30 s and more.
_STARTED_S = 5.0
_TOLD_S = 10.0


def test_an_honest_tenant_is_served_beside_a_hostile_one() -> None:
    with stage() as on:
        delays = beside_a_hostile_tenant(on, seconds=8)
    assert len(delays.started) > 8
    assert percentile(delays.started, 0.99) < _STARTED_S
    assert percentile(delays.told, 0.99) < _TOLD_S
