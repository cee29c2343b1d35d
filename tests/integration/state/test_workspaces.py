"""The files of a job in the database: what fits, what is refused, and who waits for whom."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import psycopg
import pytest

from agent_workers.domain import codec
from agent_workers.domain.claim import HALT, Claimed
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import JobId
from agent_workers.domain.tools.tool import Call, Statement
from agent_workers.domain.tools.workspace import FileWish
from agent_workers.state.jobs.workspaces import JobWorkspace, Workspaces
from tests.integration.state.refusing import CHECK, FOREIGN, TRIGGER, expect, refused
from tests.integration.state.world import JOIN, RAN, World, use

MIB = 1024 * 1024


def workspace(world: World, job: JobId, *, most: int = 64 * MIB) -> JobWorkspace:
    call = Call(key="k", tenant_id=world.tenant, job_id=job, position=1, attempt=1)
    return JobWorkspace(workspaces=Workspaces(world.database), call=call, most_bytes=most)


def run(world: World, statement: Statement) -> None:
    with world.database.connection() as connection:
        connection.execute(statement.sql.encode(), statement.parameters)


def put(world: World, files: JobWorkspace, path: str, content: bytes = b"x", **more: object):
    run(world, files.writing(FileWish(path=path, content=content, **more)))  # type: ignore[arg-type]


def says(error: pytest.ExceptionInfo[psycopg.DatabaseError]) -> str:
    return str(error.value.diag.message_primary)


def test_a_file_is_written_read_replaced_and_deleted(world: World) -> None:
    files = workspace(world, world.submit())
    put(world, files, "notes/a.md", "é".encode())
    first = files.read("notes/a.md")
    assert first is not None
    assert (first.content, first.seen.bytes, first.seen.is_text) == ("é".encode(), 2, True)
    assert first.seen.etag == sha256("é".encode()).hexdigest()[:32]
    put(world, files, "notes/a.md", b"\xff")
    [again] = files.files()
    assert (again.version, again.is_text, again.created_at) == (2, False, first.seen.created_at)
    run(world, files.deleting("notes/a.md"))
    assert (files.files(), files.read("notes/a.md")) == ([], None)


def test_what_is_appended_follows_what_was_there(world: World) -> None:
    files = workspace(world, world.submit())
    put(world, files, "log", b"one\n", append=True)
    put(world, files, "log", b"two\n", append=True)
    found = files.read("log")
    assert found is not None
    assert (found.content, found.seen.version) == (b"one\ntwo\n", 2)


def test_a_change_of_another_is_not_overwritten_by_who_expected_none(world: World) -> None:
    files = workspace(world, world.submit())
    put(world, files, "a", b"1", expect="new")
    seen = files.files()[0].etag
    put(world, files, "a", b"2", expect=seen)
    with pytest.raises(psycopg.DatabaseError) as changed:
        put(world, files, "a", b"3", expect=seen)
    assert "the file a has changed: its etag is" in says(changed)
    with pytest.raises(psycopg.DatabaseError) as there:
        put(world, files, "a", b"3", expect="new")
    assert "there is a file a already" in says(there)
    with pytest.raises(psycopg.DatabaseError) as gone:
        run(world, files.deleting("b", expect=seen))
    assert says(gone) == "there is no file b"


def test_a_workspace_holds_what_the_setting_says_and_no_more(world: World) -> None:
    files = workspace(world, world.submit(), most=10)
    put(world, files, "a", b"12345678")
    put(world, files, "a", b"1234567890")
    with pytest.raises(psycopg.DatabaseError) as full:
        put(world, files, "b", b"1")
    assert says(full) == "the workspace is full: its files may have at most 10 bytes together"
    with pytest.raises(psycopg.DatabaseError):
        put(world, files, "a", b"1", append=True)
    run(world, files.deleting("a"))
    put(world, files, "b", b"1234567890")


def test_a_file_has_at_most_16_mib_however_it_grows(world: World) -> None:
    files = workspace(world, world.submit())
    put(world, files, "a", b"\0" * (16 * MIB))
    with pytest.raises(psycopg.DatabaseError) as large:
        put(world, files, "a", b"1", append=True)
    assert says(large) == "the file a would be larger than 16 MiB"


@pytest.mark.breaks_rows("the counter is set by hand", "a workspace counts its files")
def test_a_workspace_has_at_most_a_thousand_files(world: World) -> None:
    job = world.submit()
    put(world, workspace(world, job), "f")
    world.one("update workspaces set files = 1000 where job_id = %s", job)
    with pytest.raises(psycopg.DatabaseError) as many:
        put(world, workspace(world, job), "g")
    assert says(many) == "the workspace is full: it has 1000 files"
    put(world, workspace(world, job), "f")


def test_a_name_is_a_file_or_a_folder_and_not_both(world: World) -> None:
    files = workspace(world, world.submit())
    put(world, files, "a/b")
    for other in ("a", "a/b/c"):
        with pytest.raises(psycopg.DatabaseError, match="cannot be a file and a folder"):
            put(world, files, other)
    put(world, files, "a%")
    put(world, files, "ab")


def test_writers_at_the_same_time_never_go_over_together(world: World) -> None:
    files = workspace(world, world.submit(), most=10)

    def write(number: int) -> bool:
        try:
            put(world, files, f"f{number}", b"123")
        except psycopg.DatabaseError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(write, range(8))) == 3
    counted = "select files, bytes from workspaces where job_id = %s"
    assert world.one(counted, files.call.job_id) == (3, 9)


def test_appends_at_the_same_time_lose_nothing(world: World) -> None:
    files = workspace(world, world.submit())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: put(world, files, "log", b"%d\n" % n, append=True), range(24)))
    found = files.read("log")
    assert found is not None
    assert sorted(map(int, found.content.split())) == list(range(24))


def test_nobody_sees_the_files_of_another_job_or_tenant(world: World) -> None:
    job = world.submit()
    put(world, workspace(world, job), "a")
    assert workspace(world, world.submit()).files() == []
    stranger = Call(key="k", tenant_id="another", job_id=job, position=1, attempt=1)
    theirs = JobWorkspace(workspaces=Workspaces(world.database), call=stranger, most_bytes=MIB)
    assert (theirs.files(), theirs.read("a")) == ([], None)
    with pytest.raises(psycopg.DatabaseError, match="there is no such job"):
        put(world, theirs, "a")
    with pytest.raises(psycopg.DatabaseError, match="there is no file a"):
        run(world, theirs.deleting("a"))


def writing(world: World) -> Claimed:
    job = world.submit()
    world.plan(job, use(EffectClass.TRANSACTIONAL))
    return world.claim(job, 1)


def test_a_file_and_the_record_of_its_step_stand_or_fall_together(world: World) -> None:
    late = writing(world)
    files = workspace(world, late.job_id)
    statements = [files.writing(FileWish(path="a", content=b"1", append=True))]

    def record(claimed: Claimed) -> object:
        return world.records.record_with(
            claimed, JOIN, statements, written=codec.encode(RAN), onward=HALT
        )

    world.expire(late)
    world.sweeps.expired()
    world.make_due(late.job_id, 1)
    again = world.claim(late.job_id, 1)
    record(late)
    assert files.files() == []
    record(again)
    record(again)
    found = files.read("a")
    assert found is not None
    assert found.content == b"1"


FILES = [
    ("path = '/etc/passwd'", TRIGGER, "never changes"),
    ("job_id = gen_random_uuid()", TRIGGER, "never changes"),
    ("tenant_id = 'x'", TRIGGER, "never changes"),
    ("bytes = 2, version = version + 1", CHECK, "workspace_files_bytes_check"),
    ("etag = 'x', version = version + 1", CHECK, "workspace_files_etag_check"),
    ("content = 'other', version = version + 1", CHECK, "workspace_files_bytes_check"),
    ("is_text = false", TRIGGER, "its next version"),
]


@pytest.mark.parametrize(("what", "code", "words"), FILES)
def test_a_file_refuses(world: World, what: str, code: str, words: str) -> None:
    files = workspace(world, world.submit())
    put(world, files, "a")
    sql = f"update workspace_files set {what} where job_id = %s"
    expect(refused(world, sql, files.call.job_id), code, words)


@pytest.mark.parametrize(
    "path", ["/a", "..", "a/../b", "a//b", "a/", ".", "a\nb", "a\\b", "", "x" * 513, "\x7f"]
)
def test_the_table_itself_refuses_a_path_that_leads_elsewhere(world: World, path: str) -> None:
    files = workspace(world, world.submit())
    with pytest.raises(psycopg.DatabaseError, match="workspace_files_path_check"):
        put(world, files, path)


def test_the_table_itself_refuses_what_is_too_much(world: World) -> None:
    job = world.submit()
    put(world, workspace(world, job), "a")
    for what, words in (("files = 1001", "files"), ("bytes = 4294967297", "bytes")):
        error = refused(world, f"update workspaces set {what} where job_id = %s", job)
        expect(error, CHECK, f"workspaces_{words}_check")
    orphan = "insert into workspaces (tenant_id, job_id) values ('x', gen_random_uuid())"
    expect(refused(world, orphan), FOREIGN, "workspaces_tenant_id_job_id_fkey")
