"""A workspace, in the database and in memory: what tools write is what they read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from agent_workers.domain.errors import ToolError
from agent_workers.domain.ids import TenantId
from agent_workers.domain.tools.tool import Call, Transaction
from agent_workers.domain.tools.workspace import FileWish, Workspace
from agent_workers.state.database.engine import Database
from agent_workers.state.database.statements import run_statements
from agent_workers.state.jobs.workspaces import JobWorkspace, Workspaces
from agent_workers.testing.fakes import FakeWorkspace
from tests.integration.state.world import World
from tests.support.database import database, tenant

__all__ = ["database", "tenant"]


@dataclass(frozen=True)
class Place:
    files: Workspace
    run: Callable[[Transaction[object]], None]

    def write(self, path: str, content: bytes, *, append: bool = False, expect: str = "") -> None:
        wish = FileWish(path=path, content=content, append=append, expect=expect)
        self.run(Transaction([self.files.writing(wish)], None))

    def delete(self, path: str, *, expect: str = "") -> None:
        self.run(Transaction([self.files.deleting(path, expect=expect)], None))


@pytest.fixture(params=["database", "memory"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    if request.param == "memory":
        fake = FakeWorkspace()
        yield Place(fake, fake.run)
        return
    opened: Database = request.getfixturevalue("database")
    whose: TenantId = request.getfixturevalue("tenant")
    job_id = World(opened, whose).submit()
    call = Call(key="k", tenant_id=whose, job_id=job_id, position=1, attempt=1)
    files = JobWorkspace(workspaces=Workspaces(opened), call=call, most_bytes=1 << 20)
    yield Place(files, lambda wish: run_statements(opened, wish.statements))


def test_a_file_is_read_as_it_was_written(place: Place) -> None:
    place.write("notes/a.md", "é".encode())
    found = place.files.read("notes/a.md")
    assert found is not None
    assert (found.content, found.seen.bytes, found.seen.is_text) == ("é".encode(), 2, True)
    assert [file.path for file in place.files.files()] == ["notes/a.md"]
    assert place.files.read("notes/b.md") is None


def test_what_is_appended_follows_what_was_there(place: Place) -> None:
    place.write("log", b"one ", append=True)
    place.write("log", b"two", append=True)
    found = place.files.read("log")
    assert found is not None
    assert found.content == b"one two"


def test_a_file_that_is_not_as_expected_stays_as_it_is(place: Place) -> None:
    place.write("a", b"1", expect="new")
    for expect in ("new", "f" * 32):
        with pytest.raises(ToolError):
            place.write("a", b"2", expect=expect)
        with pytest.raises(ToolError):
            place.delete("a", expect=expect)
    place.write("a", b"2", expect=place.files.files()[0].etag)
    found = place.files.read("a")
    assert found is not None
    assert found.content == b"2"


def test_what_is_deleted_is_gone_and_cannot_be_deleted_again(place: Place) -> None:
    place.write("a", b"1")
    place.delete("a", expect=place.files.files()[0].etag)
    assert list(place.files.files()) == []
    with pytest.raises(ToolError, match="there is no file"):
        place.delete("a")


def test_all_of_a_transaction_happens_or_nothing(place: Place) -> None:
    wish = FileWish(path="a", content=b"1")
    statements = [place.files.writing(wish), place.files.deleting("b")]
    with pytest.raises(ToolError):
        place.run(Transaction(statements, None))
    assert place.files.read("a") is None


def test_a_name_is_a_file_or_a_folder(place: Place) -> None:
    place.write("a", b"1")
    with pytest.raises(ToolError, match="cannot be a file and a folder"):
        place.write("a/b", b"2")
