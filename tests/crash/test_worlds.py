"""Random worlds from a seed keep every promise, and a broken protocol is found in them."""

from pathlib import Path

import pytest

from agent_workers.proving.grounds import Servers
from agent_workers.proving.worlds.long import Which, prove_long

pytestmark = pytest.mark.slow

# Another seed is another sample; `agent-workers prove --long` takes one at random and says which.
_SEED = 1
_SECONDS = 40.0


def test_random_worlds_repeat_nothing_and_lose_nothing(servers: Servers, tmp_path: Path) -> None:
    long = prove_long(servers, Which(seed=_SEED, seconds=_SECONDS), folder=tmp_path, at_once=10)
    assert long.worlds > 5
    assert not [(one.number, one.wrongs) for one in long.found], f"seed {_SEED}"
