"""Real Celery workers under random kills, freezes and outages keep every promise."""

from pathlib import Path

import pytest

from agent_workers.embedded.postgres import EmbeddedPostgres
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.proving.soak.command import soak
from tests.support.servers import temp_folder

pytestmark = pytest.mark.slow

_SECONDS = 60.0
_SEED = 1


def test_a_minute_of_disasters_repeats_nothing_and_loses_nothing(counter_url: str) -> None:
    with (
        temp_folder() as folder,
        EmbeddedPostgres(folder / "postgres", shelter=folder / "shelter") as postgres,
        EmbeddedRedis(folder / "redis") as redis,
    ):
        code = soak(
            postgres=postgres,
            redis=redis,
            counter_url=counter_url,
            folder=Path(folder),
            seconds=_SECONDS,
            seed=_SEED,
        )
    assert code == 0
