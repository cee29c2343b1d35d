"""The files of jobs: reading them, and the statements that write them with a step's record."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.tools.tool import Call, Statement
from agent_workers.domain.tools.workspace import FileRead, FileSeen, FileWish, is_text
from agent_workers.state.database.engine import Database
from agent_workers.state.database.pages import Page, Row, read_page

_FIELDS = "path bytes etag is_text version written_by created_at updated_at".split()
_COLUMNS = ", ".join(_FIELDS)
_ALL = f"""
select {_COLUMNS} from workspace_files where tenant_id = %s and job_id = %s order by path"""
_PAGE = f"""
select {_COLUMNS} from workspace_files
 where tenant_id = %(tenant_id)s and job_id = %(job_id)s
   and (%(after)s::text is null or path > %(after)s)
 order by path"""
_ONE = f"""
select {_COLUMNS}, content from workspace_files
 where tenant_id = %s and job_id = %s and path = %s"""
_PART = f"""
select {_COLUMNS}, substring(content from %s::int + 1 for %s::int) from workspace_files
 where tenant_id = %s and job_id = %s and path = %s"""
_WRITE = """
select write_workspace_file(%(tenant_id)s, %(job_id)s, %(position)s, %(path)s, %(content)s,
                            %(is_text)s, %(append)s, %(expect)s, %(most)s)"""
_DELETE = "select delete_workspace_file(%(tenant_id)s, %(job_id)s, %(path)s, %(expect)s)"


class Workspaces:
    """The files of every job, for those who may see them all."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def files(self, tenant_id: TenantId, job_id: JobId) -> list[FileSeen]:
        """Return a job's files by their paths; no more than a workspace may have."""
        with self._database.connection() as connection:
            rows = connection.execute(_ALL, (tenant_id, job_id)).fetchall()
        return [_file(row) for row in rows]

    def page(
        self, tenant_id: TenantId, job_id: JobId, *, limit: int, after: str | None = None
    ) -> Page[FileSeen]:
        """Return a job's files by their paths, behind a path."""
        asked = {"tenant_id": tenant_id, "job_id": job_id, "after": after}
        return read_page(self._database, _PAGE, asked, limit=limit, seen=_file)

    def read(self, tenant_id: TenantId, job_id: JobId, path: str) -> FileRead | None:
        return self._read(_ONE, tenant_id, job_id, path)

    def part(
        self, tenant_id: TenantId, job_id: JobId, path: str, *, start: int, size: int
    ) -> FileRead | None:
        """Return a file with no more of its content than this; it may be another one by then."""
        return self._read(_PART, start, size, tenant_id, job_id, path)

    def _read(self, query: str, *parameters: object) -> FileRead | None:
        with self._database.connection() as connection:
            row = connection.execute(query, parameters, binary=True).fetchone()
        if row is None:
            return None
        *seen, content = row
        return FileRead(seen=_file(seen), content=content)


def _file(row: Row) -> FileSeen:
    return FileSeen(**dict(zip(_FIELDS, row, strict=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class JobWorkspace:
    """The files of one calling job, and how large they may be together."""

    workspaces: Workspaces
    call: Call
    most_bytes: int

    def files(self) -> Sequence[FileSeen]:
        return self.workspaces.files(*self._place)

    def read(self, path: str) -> FileRead | None:
        return self.workspaces.read(*self._place, path)

    def writing(self, wish: FileWish) -> Statement:
        more = {
            "position": self.call.position,
            "path": wish.path,
            "content": wish.content,
            "is_text": is_text(wish.content),
            "append": wish.append,
            "expect": wish.expect,
            "most": self.most_bytes,
        }
        return Statement(_WRITE, self._named | more)

    def deleting(self, path: str, *, expect: str = "") -> Statement:
        return Statement(_DELETE, self._named | {"path": path, "expect": expect})

    @property
    def _place(self) -> tuple[TenantId, JobId]:
        return TenantId(self.call.tenant_id), JobId(self.call.job_id)

    @property
    def _named(self) -> dict[str, object]:
        job_id: UUID = self.call.job_id
        return {"tenant_id": self.call.tenant_id, "job_id": job_id}
