"""Built-in tools for the files of a job: they last as long as the job does, and only it sees them."""

import base64
import binascii
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import ToolError
from agent_workers.domain.tools.declaring import tool
from agent_workers.domain.tools.tool import Tool, Transaction
from agent_workers.domain.tools.workspace import (
    LARGEST_FILE,
    FileRead,
    FileSeen,
    FileWish,
    Workspace,
    checked_path,
)

_TIMEOUT = timedelta(seconds=30)

_MOST_AT_ONCE = 100_000
_Path = Annotated[str, Field(description="such as notes/plan.md", max_length=512)]
_Etag = Annotated[
    str,
    Field(
        description="write only if the file still has this etag; `new`: only if there is no such file",
        max_length=32,
    ),
]
_Offset = Annotated[int, Field(ge=0, le=LARGEST_FILE)]
_Limit = Annotated[int, Field(ge=1, le=_MOST_AT_ONCE)]


class FileTold(TypedDict):
    path: str
    bytes: int
    etag: str
    text: bool
    version: int
    updated_at: str


class PartTold(FileTold):
    """A part of a file: `content` begins at `offset`; there is more from `next_offset` on."""

    encoding: Literal["text", "base64"]
    content: str
    offset: int
    next_offset: int | None


class Wrote(TypedDict):
    path: str
    bytes: int
    appended: bool


class Deleted(TypedDict):
    path: str
    deleted: bool


@tool(effect=EffectClass.TRANSACTIONAL, timeout=_TIMEOUT)
def write_file(
    path: _Path,
    content: str,
    encoding: Literal["text", "base64"] = "text",
    append: bool = False,  # noqa: FBT001, FBT002 (an argument of a tool is always named)
    expect: _Etag = "",
    *,
    workspace: Workspace,
) -> Transaction[Wrote]:
    """Write a file of this job, in place of an earlier one or, with `append`, at its end."""
    wish = FileWish(
        path=checked_path(path), content=_bytes(content, encoding), append=append, expect=expect
    )
    told = Wrote(path=wish.path, bytes=len(wish.content), appended=append)
    return Transaction([workspace.writing(wish)], told)


@tool(effect=EffectClass.PURE, timeout=_TIMEOUT)
def read_file(
    path: _Path,
    offset: _Offset = 0,
    limit: _Limit = 20_000,
    *,
    workspace: Workspace,
) -> PartTold:
    """Read a file of this job: `limit` characters of a text, or bytes of another as base64."""
    name = checked_path(path)
    found = workspace.read(name)
    if found is None:
        raise ToolError(f"there is no file {name!r}")
    return _part(found, offset, limit)


@tool(effect=EffectClass.PURE, timeout=_TIMEOUT)
def list_files(
    folder: Annotated[str, Field(description="list only what is in it", max_length=512)] = "",
    *,
    workspace: Workspace,
) -> list[FileTold]:
    """List the files of this job by their paths."""
    inside = f"{checked_path(folder.rstrip('/'))}/" if folder.strip("/") else ""
    return [_told(file) for file in workspace.files() if file.path.startswith(inside)]


@tool(effect=EffectClass.TRANSACTIONAL, timeout=_TIMEOUT)
def delete_file(path: _Path, expect: _Etag = "", *, workspace: Workspace) -> Transaction[Deleted]:
    """Delete a file of this job."""
    name = checked_path(path)
    told = Deleted(path=name, deleted=True)
    return Transaction([workspace.deleting(name, expect=expect)], told)


WORKSPACE_TOOLS: tuple[Tool, ...] = (write_file, read_file, list_files, delete_file)


def _bytes(content: str, encoding: str) -> bytes:
    if encoding == "text":
        found = content.encode("utf-8")
    else:
        try:
            found = base64.b64decode(content, validate=True)
        except (binascii.Error, ValueError):
            raise ToolError("the content is not base64") from None
    if len(found) > LARGEST_FILE:
        raise ToolError(f"a file may have at most {LARGEST_FILE} bytes")
    return found


def _part(found: FileRead, offset: int, limit: int) -> PartTold:
    whole = found.content.decode("utf-8") if found.seen.is_text else found.content
    part, behind = whole[offset : offset + limit], offset + limit
    return PartTold(
        **_told(found.seen),
        encoding="text" if isinstance(part, str) else "base64",
        content=part if isinstance(part, str) else base64.b64encode(part).decode("ascii"),
        offset=offset,
        next_offset=behind if behind < len(whole) else None,
    )


def _told(file: FileSeen) -> FileTold:
    at: datetime = file.updated_at
    return FileTold(
        path=file.path,
        bytes=file.bytes,
        etag=file.etag,
        text=file.is_text,
        version=file.version,
        updated_at=at.isoformat(),
    )
