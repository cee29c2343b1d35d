"""GET /v1/jobs/{id}/artifacts: the files that a job wrote, as a list and one by one."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from typing_extensions import TypedDict

from agent_workers.domain.errors import AgentWorkersError, ToolError
from agent_workers.domain.tools.workspace import FileRead, FileSeen, checked_path
from agent_workers.state.jobs.reads import Place, Reads
from agent_workers.state.jobs.workspaces import Workspaces
from api.http.json_text import instant, text
from api.http.listing import listed
from api.http.paths import job_id_of
from api.http.queries import NamesQuery, no_query, query_of
from api.http.replies import EmptyReply, Headers, caller_of
from api.http.route import IF_NONE_MATCH, Reply, Room, Route
from api.http.shapes import Count, Instant, page_of
from api.problems import missing
from api.process.threads import Threads

_AT = Room("/v1/jobs", reads="jobs:read")

PART_BYTES = 256 * 1024
# What a job wrote is no page of ours: a browser keeps it as a file, and runs nothing of it.
_SAFE: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"private, no-cache"),
)
_TEXT, _BYTES = b"text/plain; charset=utf-8", b"application/octet-stream"
# What stands for itself in a quoted file name, whoever reads it.
_FILE = Reply(
    model=Annotated[str, Field(json_schema_extra={"format": "binary"})],
    description="The file's bytes",
    media=("text/plain", "application/octet-stream"),
)
_UNCHANGED = "The file has not changed"
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


class ArtifactReply(TypedDict):
    """A file that a job wrote; `written_by` is the position of the step that wrote it last."""

    object: Literal["artifact"]
    name: str
    bytes: Count
    etag: str
    text: bool
    version: Count
    written_by: Count
    created_at: Instant
    updated_at: Instant


ArtifactList = page_of("ArtifactList", ArtifactReply)


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifacts:
    workspaces: Workspaces
    reads: Reads
    threads: Threads

    @Route(_AT, "GET /{job_id}/artifacts", "listArtifacts", {200: ArtifactList}, query=NamesQuery)
    async def show_all(self, request: Request) -> Response:
        """The files of a job in the order of their names, behind `after`."""
        named, place = query_of(request, NamesQuery), await self._job(request)
        read = partial(self.workspaces.page, *place, limit=named.limit, after=named.after)
        return await listed(self.threads, read, text=_text, cursor=lambda file: file.path)

    @Route(
        _AT,
        "GET /{job_id}/artifacts/{name:path}",
        "getArtifact",
        {200: _FILE, 304: _UNCHANGED},
        headers=(IF_NONE_MATCH,),
    )
    async def show(self, request: Request) -> Response:
        """The file's bytes, unless the caller has them already."""
        no_query(request)
        place, path = await self._job(request), _path_of(request)
        found = await self._part(place, path, start=0)
        if found is None:
            raise missing("artifact_not_found")
        etag = f'"{found.seen.etag}"'
        headers = [*_SAFE, (b"etag", etag.encode("ascii"))]
        if etag in request.headers.get("if-none-match", ""):
            return EmptyReply(304, headers=headers)
        return _FileReply(found.seen, self._parts(place, found), headers)

    async def _parts(self, place: Place, part: FileRead) -> AsyncIterator[bytes]:
        """Read a file as fast as it is taken; no connection is held meanwhile."""
        whole = part.seen
        yield part.content
        sent = len(part.content)
        while sent < whole.bytes:
            following = await self._part(place, whole.path, start=sent)
            if following is None or following.seen.etag != whole.etag:
                raise _FileChanged  # the reply is cut off: nobody takes it for the whole file
            yield following.content
            sent += len(following.content)

    async def _part(self, place: Place, path: str, *, start: int) -> FileRead | None:
        return await self.threads.run(
            self.workspaces.part, *place, path, start=start, size=PART_BYTES
        )

    async def _job(self, request: Request) -> Place:
        place = (caller_of(request).tenant_id, job_id_of(request))
        if place not in await self.threads.run(self.reads.versions, [place]):
            raise missing("job_not_found")
        return place


class _FileChanged(AgentWorkersError):
    """Somebody changed a file while it was read."""

    code = "file_changed"


class _FileReply(StreamingResponse):
    def __init__(self, file: FileSeen, parts: AsyncIterator[bytes], headers: Headers) -> None:
        self.status_code = 200
        self.body_iterator = parts
        self.background = None
        self.raw_headers = [
            (b"content-type", _TEXT if file.is_text else _BYTES),
            (b"content-length", str(file.bytes).encode("ascii")),
            (b"content-disposition", _disposition(file.path)),
            *headers,
        ]


def _disposition(path: str) -> bytes:
    """Name the file for a browser: in plain letters, and as it is for those who understand it."""
    name = path.rsplit("/", 1)[-1]
    plain = "".join(letter if letter in _PLAIN else "_" for letter in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}".encode()


def _path_of(request: Request) -> str:
    try:
        return checked_path(request.path_params["name"])
    except ToolError:
        raise missing("artifact_not_found") from None


def _text(file: FileSeen) -> str:
    return (
        f'{{"object":"artifact","name":{text(file.path)},"bytes":{file.bytes},'
        f'"etag":"{file.etag}","text":{"true" if file.is_text else "false"},'
        f'"version":{file.version},"written_by":{file.written_by},'
        f'"created_at":{instant(file.created_at)},"updated_at":{instant(file.updated_at)}}}'
    )
