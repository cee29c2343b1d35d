"""The servers of a proof, started for it alone in a temporary folder."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent_workers.embedded.postgres import EmbeddedPostgres
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.proving.grounds import Servers, running_counter

# Root's Postgres runs as somebody else, who must get through to its data.
_PASSAGE = 0o711


@contextmanager
def own_servers(
    *, durable: bool = True
) -> Iterator[tuple[Servers, Path, EmbeddedPostgres, EmbeddedRedis]]:
    """`durable`: a machine that crashes meanwhile loses nothing, which a test need not pay for."""
    with tempfile.TemporaryDirectory(prefix="agent-workers-prove-") as name:
        folder = Path(name)
        folder.chmod(_PASSAGE)
        with (
            EmbeddedPostgres(
                folder / "postgres", durable=durable, shelter=folder / "shelter"
            ) as postgres,
            EmbeddedRedis(folder / "redis") as redis,
            running_counter(folder) as counter_url,
        ):
            servers = Servers(
                postgres_url=postgres.url, redis_url=redis.url, counter_url=counter_url
            )
            yield servers, folder, postgres, redis
            # Its data is deleted: the checkpoint of a stop in order would be for nobody.
            postgres.kill_immediate()
