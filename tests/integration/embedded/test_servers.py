"""Our own Postgres and Redis: started, used, crashed, cleaned up, on a clean port and anywhere."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
import redis

from agent_workers.embedded.errors import FolderInUse, PortTaken, ServerDidNotStart, ServerRefused
from agent_workers.embedded.ports import claimed, free_port, free_ports
from agent_workers.embedded.postgres import EmbeddedPostgres
from agent_workers.embedded.processes import sighting_of, wait_until
from agent_workers.embedded.redis import EmbeddedRedis
from tests.support.servers import temp_folder


@pytest.fixture
def home() -> Iterator[Path]:
    with temp_folder() as folder:
        yield folder


@pytest.fixture
def postgres(home: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(home / "postgres", shelter=home / "shelter", durable=False) as server:
        yield server


@pytest.fixture
def queue(home: Path) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(home / "redis") as server:
        yield server


def answer(dsn: str, question: str) -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return row[0]


def client_of(queue: EmbeddedRedis) -> "redis.Redis":
    return redis.Redis.from_url(queue.url)


def is_gone(pid: int) -> bool:
    return wait_until(lambda: sighting_of(pid) is None, 10.0)


def test_postgres_answers_and_knows_vectors(postgres):
    postgres.create_database("shop")
    with psycopg.connect(postgres.dsn_of("shop"), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")
    assert answer(postgres.dsn_of("shop"), "SELECT '[1,2]'::vector <-> '[1,3]'") == 1.0


def test_data_of_another_postgres_is_refused_with_both_versions_and_what_to_do(home: Path):
    data = home / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(ServerDidNotStart, match=r"made by Postgres 9, and this is .*--folder"):
        EmbeddedPostgres(home / "postgres", shelter=home / "shelter").start()


def test_postgres_keeps_its_shared_memory_in_its_own_folder(postgres):
    assert list((postgres.folder / "data" / "pg_dynshmem").iterdir())


def test_postgres_speaks_utf8_and_sorts_by_code_point(postgres):
    assert answer(postgres.dsn, "SHOW server_encoding") == "UTF8"
    assert answer(postgres.dsn, "SELECT 'Z' < 'a'") is True


def test_a_wrong_password_opens_nothing(postgres):
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://agent:wrong@127.0.0.1:{postgres.port}/postgres")


def test_the_password_is_readable_by_its_owner_only(postgres, queue):
    for server in (postgres, queue):
        assert (server.folder / "password").stat().st_mode & 0o077 == 0


def test_a_cluster_is_durable_unless_told_otherwise(home, postgres):
    assert answer(postgres.dsn, "SHOW fsync") == "off"
    assert answer(postgres.dsn, "SHOW synchronous_commit") == "on"
    postgres.stop()
    with EmbeddedPostgres(postgres.folder, shelter=home / "shelter") as durable:
        assert answer(durable.dsn, "SHOW fsync") == "on"


@pytest.mark.parametrize("crash", ["stop", "kill", "kill_immediate"])
def test_postgres_comes_back_on_its_port_with_what_was_committed(postgres, crash):
    port = postgres.port
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS it")
        getattr(postgres, crash)()
    assert not postgres.is_running
    postgres.start()
    assert postgres.port == port
    assert answer(postgres.dsn, "SELECT it FROM kept") == 7


def test_redis_keeps_what_it_was_told_over_a_restart_on_its_port(queue):
    with client_of(queue) as client:
        client.set("kept", "7")
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    port = queue.port
    queue.stop()
    queue.start()
    with client_of(queue) as client:
        assert (queue.port, client.get("kept")) == (port, b"7")


def test_redis_comes_back_after_kill_9(queue):
    queue.kill()
    assert not queue.is_running
    queue.start()
    with client_of(queue) as client:
        assert client.ping()


def test_redis_turns_away_who_has_no_password(queue):
    with socket.create_connection(("127.0.0.1", queue.port), 5) as wire:
        wire.sendall(b"PING\r\n")
        assert wire.recv(100).startswith(b"-NOAUTH")


def test_a_path_with_spaces_and_quotes_is_a_path(home):
    odd = home / 'my "odd" data, 100% ümlaut'
    with (
        EmbeddedPostgres(odd / "postgres", shelter=home / "shelter", durable=False) as postgres,
        EmbeddedRedis(odd / "redis") as queue,
        client_of(queue) as client,
    ):
        assert answer(postgres.dsn, "SELECT 1") == 1
        assert client.ping()


def test_a_second_owner_is_told_who_has_the_folder(postgres):
    rival = EmbeddedPostgres(postgres.folder)
    with pytest.raises(FolderInUse, match=str(postgres.folder)):
        rival.start()
    assert answer(postgres.dsn, "SELECT 1") == 1


def test_a_port_that_is_taken_is_refused_when_it_was_asked_for(home):
    with socket.create_server(("127.0.0.1", 0)) as rival:
        taken = rival.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {taken} is taken"):
            EmbeddedRedis(home / "redis", port=taken).start()


def test_a_port_that_was_taken_meanwhile_is_changed_when_it_was_our_choice(home):
    server = EmbeddedRedis(home / "redis")
    taken = server.port
    with socket.create_server(("127.0.0.1", taken)), server:
        assert server.port != taken


def test_of_two_that_look_for_one_port_at_once_only_one_gets_it():
    port = free_port()
    with ExitStack() as first, ExitStack() as second:
        assert claimed(port, first)
        assert not claimed(port, second)
        first.close()
        assert claimed(port, second)


def test_free_ports_are_different_and_below_those_of_outgoing_connections():
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert max(ports) < 32_000


def test_a_database_name_is_never_sql(postgres):
    with pytest.raises(ServerRefused, match="not a plain database name"):
        postgres.create_database('x"; DROP DATABASE postgres; --')


def test_destroying_leaves_no_process_and_no_data(postgres):
    pid = postgres.pid
    postgres.destroy()
    assert is_gone(pid)
    assert not postgres.folder.exists()
