"""The files of a job: what they may be called, and what a tool may ask of them."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from agent_workers.domain.errors import ToolError
from agent_workers.domain.tools.facility import Facility
from agent_workers.domain.tools.tool import Statement

LONGEST_PATH = 512
LARGEST_FILE = 16 * 1024 * 1024
# Control, format (which can turn the way a name reads), surrogate and unassigned characters.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"})
# Letters and signs that look like nothing: fillers, and Braille without a dot.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSeen:
    """A file without its content; `etag` changes with every byte of it."""

    path: str
    bytes: int
    etag: str
    is_text: bool
    version: int
    # The position of the step that wrote it last.
    written_by: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRead:
    seen: FileSeen
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FileWish:
    """What shall be written; `expect`: the etag that the file must have, `new`, or nothing."""

    path: str
    content: bytes
    append: bool = False
    expect: str = ""


class Workspace(Facility, Protocol):
    """The files of the calling job. Changes are statements: they run with the step's record."""

    def files(self) -> Sequence[FileSeen]: ...

    def read(self, path: str) -> FileRead | None: ...

    def writing(self, wish: FileWish) -> Statement: ...

    def deleting(self, path: str, *, expect: str = "") -> Statement: ...


def checked_path(path: str) -> str:
    """Return a path in its one spelling, or say what is wrong with it."""
    normal = unicodedata.normalize("NFC", path)
    if not normal or len(normal.encode("utf-8", "surrogatepass")) > LONGEST_PATH:
        raise ToolError(f"a path has 1 to {LONGEST_PATH} bytes")
    if any(one in _BLANK or unicodedata.category(one) in _UNSEEN for one in normal):
        raise ToolError(f"the path {normal!r} contains invisible characters")
    if normal.startswith("/") or "\\" in normal:
        raise ToolError(f"the path {normal!r} must be relative, with / between its parts")
    parts = normal.split("/")
    if any(part in {"", ".", ".."} for part in parts):
        raise ToolError(f"the path {normal!r} must have no empty part, no . and no ..")
    if any(part != part.strip() for part in parts):
        raise ToolError(f"no part of the path {normal!r} may begin or end with a space")
    return normal


def is_text(content: bytes) -> bool:
    """Say whether these bytes can be shown to a model as they are."""
    try:
        return "\0" not in content.decode("utf-8")
    except UnicodeDecodeError:
        return False
