"""The grounds of proofs: one Postgres and one Redis of the test session, and an outside counter."""

from collections.abc import Iterator

import pytest

from agent_workers.embedded.postgres import EmbeddedPostgres
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.proving.grounds import Servers, running_counter


# A counter for each module: trials of different modules act upon subjects of the same names.
@pytest.fixture(scope="module")
def counter_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_counter(tmp_path_factory.mktemp("counter")) as url:
        yield url


@pytest.fixture(scope="module")
def servers(
    postgres_server: EmbeddedPostgres, redis_server: EmbeddedRedis, counter_url: str
) -> Servers:
    return Servers(
        postgres_url=postgres_server.url, redis_url=redis_server.url, counter_url=counter_url
    )


@pytest.fixture(scope="session")
def crash_servers(
    postgres_server: EmbeddedPostgres,
    redis_server: EmbeddedRedis,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Servers]:
    """The plugin's crash points share the database servers of the other tests."""
    with running_counter(tmp_path_factory.mktemp("counter")) as url:
        yield Servers(postgres_url=postgres_server.url, redis_url=redis_server.url, counter_url=url)
