"""The bytes that a tenant keeps are counted, and nothing waits for that."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agent_workers.cli.doctor.state import quotas
from agent_workers.state.access.quotas import Quotas
from tests.integration.state.batching import Batched, items
from tests.integration.state.keeping import count, kept
from tests.integration.state.test_workspaces import put, workspace
from tests.integration.state.waiting import send
from tests.integration.state.world import FINISH, JOIN, RAN, World, use
from tests.support.worker_system import until

LARGE = 50_000
_HEX = "repeat(md5(random()::text), 1600)"
# How rows of LARGE come, and how they go.
ROWS = {
    "dead_letters": (
        f"""insert into dead_letters (tenant_id, letter_id, digest, origin, content_type, headers, body,
                                      code, detail)
            values (%s, gen_random_uuid(), '', '', '', '{{}}', {_HEX}::bytea, '', '')""",
        "delete from dead_letters where tenant_id = %s",
    ),
    "session_messages": (
        f"""with s as (insert into sessions (tenant_id, session_id) values (%s, 's') returning *)
            insert into session_messages (tenant_id, session_id, turn, part, message_id, role, content)
            select tenant_id, session_id, 1, 0, gen_random_uuid(), 'user', {_HEX}::bytea from s""",
        "delete from sessions where tenant_id = %s",
    ),
    "knowledge_chunks": (
        f"""with d as (insert into knowledge_documents (tenant_id, source, title, kind, bytes,
                              content_hash, model, dimensions, chunks)
              values (%s, 's', '', 'text', 1, sha256('x'), 'm', 1, 4) returning *)
            insert into knowledge_chunks (tenant_id, chunk_id, source, number, heading, content, model,
                                          dimensions, embedding)
            select tenant_id, 'doc_' || right(md5(n::text), 16), source, n, '', left({_HEX}, 12800), model,
                   1, '{{1}}' from d, generate_series(1, 4) n""",
        "delete from knowledge_documents where tenant_id = %s",
    ),
}


@pytest.mark.parametrize("table", ROWS)
def test_rows_are_counted_as_they_come_and_go(world: World, table: str) -> None:
    come, go = ROWS[table]
    world.one(come, world.tenant)
    assert LARGE < kept(world.database, world.tenant) < 2 * LARGE
    world.one(go, world.tenant)
    assert kept(world.database, world.tenant) < 1_000


def test_a_job_is_counted_while_it_runs_with_its_mail_and_its_files(world: World) -> None:
    job = world.submit(said=LARGE * b"i")
    grew = [kept(world.database, world.tenant)]
    send(world, job, data=LARGE * b"m")
    grew.append(kept(world.database, world.tenant))
    put(world, workspace(world, job), "a", LARGE * b"f")
    grew.append(kept(world.database, world.tenant))
    world.plan(job, use())
    world.record(world.claim(job, 1), replace(JOIN, outcome=replace(RAN, result=LARGE * b"r")))
    grew.append(kept(world.database, world.tenant))
    world.record(world.claim(job, 2), FINISH)
    steps = [after - before for before, after in zip([0, *grew], grew, strict=False)]
    assert all(LARGE <= step < LARGE + 5_000 for step in steps), steps


def test_files_that_are_replaced_or_deleted_give_their_bytes_back(world: World) -> None:
    job = world.submit()
    files = workspace(world, job)
    put(world, files, "a", LARGE * b"f")
    before = kept(world.database, world.tenant)
    put(world, files, "a", b"f")
    assert before - kept(world.database, world.tenant) == LARGE - 1
    world.end_all()


def test_an_item_of_a_batch_is_counted_once_as_itself_or_as_its_job(world: World) -> None:
    [item] = items(1)
    batch = Batched(world, concurrency=1)
    batch.create([replace(item, input=LARGE * b"i")], start=True)
    assert LARGE < kept(world.database, world.tenant) < LARGE + 5_000
    batch.look()
    assert LARGE < kept(world.database, world.tenant) < LARGE + 5_000
    world.end_all()


def test_what_commits_late_is_counted_once(world: World) -> None:
    sql = "insert into bytes_changes (tenant_id, bytes) values (%s, 7)"
    with world.database.transaction() as late:
        late.execute(sql.encode(), (world.tenant,))
        world.one(sql, world.tenant)
        for _ in range(2):
            Quotas(world.database).count_bytes(pause=timedelta(0))
    assert [kept(world.database, world.tenant) for _ in range(2)] == [14, 14]


def test_much_is_counted_a_little_at_a_time(world: World) -> None:
    count(world.database)
    for _ in range(5):
        world.one("insert into bytes_changes (tenant_id, bytes) values (%s, 7)", world.tenant)
    until(lambda: Quotas(world.database).count_bytes(2, pause=timedelta(0)), "two are counted")
    used = "select used from quotas where tenant_id = %s and kind = 'bytes'"
    assert 0 < world.one(used, world.tenant) < 35
    assert kept(world.database, world.tenant) == 35


def test_who_counts_leaves_at_once_while_another_does_or_has(world: World) -> None:
    count(world.database)
    with world.database.transaction() as other:
        other.execute(b"select from bytes_counted for update")
        assert not Quotas(world.database).count_bytes(pause=timedelta(0))
    before = world.one("select xact, at from bytes_counted")
    assert not Quotas(world.database).count_bytes()
    assert world.one("select xact, at from bytes_counted") == before


def test_the_doctor_names_who_is_nearly_full(world: World) -> None:
    database = world.database
    for most, named in ((100, False), (50, True), (40, True)):
        Quotas(database).set(world.tenant, "bytes", most)
        world.one("update quotas set used = 40 where tenant_id = %s", world.tenant)
        lines = [found.line for found in quotas(Quotas(database).nearly_full())]
        assert named == any(f"{world.tenant!r} stores 40 bytes" in line for line in lines)


def test_a_job_waits_for_no_quota_of_bytes(world: World) -> None:
    Quotas(world.database).set(world.tenant, "bytes", 1 << 30)
    with world.database.transaction() as other:
        other.execute(b"select from quotas where kind = 'bytes' for update")
        job = world.submit()
        world.record(world.claim(job), FINISH)


def test_what_another_server_wrote_is_not_counted_again(world: World) -> None:
    job = world.submit(said=LARGE * b"i")
    before = kept(world.database, world.tenant)
    # As after a dump of a server that was older.
    world.one("update journal set xact = xact + 1000000000 where job_id = %s", job)
    world.one("update bytes_counted set xact = xact + 1000000000")
    while Quotas(world.database).count_bytes(pause=timedelta(0)):
        pass
    assert world.one("select xact < 0 from journal where job_id = %s", job)
    world.record(world.claim(job), replace(FINISH, output=LARGE * b"o"))
    assert LARGE < kept(world.database, world.tenant) - before < LARGE + 5_000
