"""Facilities for tests of tools: what a worker would give, in memory."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from typing_extensions import override

from agent_workers.domain.errors import ToolError
from agent_workers.domain.outside.email_message import Email, Outbox, check_email
from agent_workers.domain.outside.http import Http, HttpAnswer, HttpBounds, HttpRequest
from agent_workers.domain.tools.tool import Statement, Transaction
from agent_workers.domain.tools.workspace import FileRead, FileSeen, FileWish, Workspace, is_text

_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
_ETAG = 32


@dataclass(slots=True)
class FakeHttp(Http):
    """Answers as a function of the request, and keeps what was asked; nothing leaves the process.

    What the function raises is raised: `NotSent` or `NoAnswer` of `domain.outside_http`.
    """

    answers: Callable[[HttpRequest], HttpAnswer]
    asked: list[HttpRequest] = field(default_factory=list)

    @override
    def __call__(self, request: HttpRequest, bounds: HttpBounds) -> HttpAnswer:
        del bounds
        self.asked.append(request)
        return self.answers(request)


@dataclass(slots=True)
class FakeOutbox(Outbox):
    """Keeps mail by its key; `allowed` are the recipients, as AGENT_MAIL_RECIPIENTS names them."""

    allowed: Sequence[str] = ("*@example.com",)
    sent: dict[str, Email] = field(default_factory=dict)

    @override
    def send(self, email: Email, key: str) -> str:
        check_email(email, self.allowed)
        self.sent[key] = email
        return self._message_id(key)

    @override
    def find(self, key: str) -> str | None:
        return self._message_id(key) if key in self.sent else None

    def _message_id(self, key: str) -> str:
        return f"<{key}@test.invalid>"


@dataclass(slots=True)
class FakeWorkspace(Workspace):
    """Files in a mapping, as many as there is memory for.

    What a tool wishes happens when its `Transaction` is run.
    """

    kept: dict[str, bytes] = field(default_factory=dict)

    @override
    def files(self) -> Sequence[FileSeen]:
        return [self._seen(path) for path in sorted(self.kept)]

    @override
    def read(self, path: str) -> FileRead | None:
        found = self.kept.get(path)
        return None if found is None else FileRead(seen=self._seen(path), content=found)

    @override
    def writing(self, wish: FileWish) -> Statement:
        return Statement("write", {"wish": wish})

    @override
    def deleting(self, path: str, *, expect: str = "") -> Statement:
        return Statement("delete", {"path": path, "expect": expect})

    def run(self, transaction: Transaction[object]) -> None:
        """Do what the statements say, all of it or nothing."""
        kept = dict(self.kept)
        for statement in transaction.statements:
            _change(kept, statement.parameters)
        self.kept = kept

    def _seen(self, path: str) -> FileSeen:
        content = self.kept[path]
        return FileSeen(
            path=path,
            bytes=len(content),
            etag=_etag(content),
            is_text=is_text(content),
            version=1,
            written_by=1,
            created_at=_LONG_AGO,
            updated_at=_LONG_AGO,
        )


def _change(kept: dict[str, bytes], wished: Mapping[str, object]) -> None:
    wish = wished.get("wish")
    if isinstance(wish, FileWish):
        _expect(kept, wish.path, wish.expect)
        _refuse_folder(kept, wish.path)
        before = kept.get(wish.path, b"") if wish.append else b""
        kept[wish.path] = before + wish.content
        return
    path = str(wished["path"])
    _expect(kept, path, str(wished["expect"]))
    if kept.pop(path, None) is None:
        raise ToolError(f"there is no file {path!r}")


def _expect(kept: Mapping[str, bytes], path: str, expect: str) -> None:
    found = kept.get(path)
    stands = "new" if found is None else _etag(found)
    if expect and expect != stands:
        raise ToolError(f"the file {path!r} is not as expected")


def _refuse_folder(kept: Mapping[str, bytes], path: str) -> None:
    for other in kept:
        if other.startswith(f"{path}/") or path.startswith(f"{other}/"):
            raise ToolError(f"a name cannot be a file and a folder: there is {other} already")


def _etag(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_ETAG]
