"""What the tools for a job's files accept, and how much of a file they show."""

import base64
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agent_workers.domain.errors import ToolError
from agent_workers.domain.tools.tool import Statement
from agent_workers.domain.tools.workspace import FileRead, FileSeen, FileWish, checked_path, is_text
from agent_workers.execution.tools.builtin.workspace import (
    WORKSPACE_TOOLS,
    delete_file,
    list_files,
    read_file,
    write_file,
)
from agent_workers.execution.values.signature import signature_of

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SEEN = FileSeen(
    path="a.txt",
    bytes=0,
    etag="e",
    is_text=True,
    version=1,
    written_by=1,
    created_at=NOW,
    updated_at=NOW,
)


class Shelf:
    """A workspace that is read from a mapping, and remembers what was wished."""

    def __init__(self, **files: bytes) -> None:
        self.kept = {name.replace("_", "."): content for name, content in files.items()}
        self.wished: list[FileWish | str] = []

    def files(self) -> list[FileSeen]:
        return [self._seen(path) for path in sorted(self.kept)]

    def read(self, path: str) -> FileRead | None:
        content = self.kept.get(path)
        return None if content is None else FileRead(seen=self._seen(path), content=content)

    def writing(self, wish: FileWish) -> Statement:
        self.wished.append(wish)
        return Statement("select 1", {})

    def deleting(self, path: str, *, expect: str = "") -> Statement:
        self.wished.append(f"{path} {expect}".strip())
        return Statement("select 1", {})

    def _seen(self, path: str) -> FileSeen:
        content = self.kept[path]
        return replace(SEEN, path=path, bytes=len(content), is_text=is_text(content))


@pytest.mark.parametrize(
    "path",
    [
        *("", "/etc/passwd", "..", "a/../b", "./a", "a/./b", "a//b", "a/", "a\\b", "C:\\a"),
        *("a\0b", "a\nb", "\x1b[2Jb", "a\x7f", " a", "a/ b", "x" * 513, "é" * 257),
        *("a\u202etxt.exe", "a\u200bb", "a\ufeffb", "a\ud800b", "a\u2028b", "a\u3164"),
    ],
)
def test_a_path_that_leads_elsewhere_or_hides_something_is_refused(path: str) -> None:
    with pytest.raises(ToolError):
        checked_path(path)


def test_a_path_has_one_spelling() -> None:
    assert checked_path("e\u0301.txt") == checked_path("\u00e9.txt")


@pytest.mark.parametrize("path", ["a", "a/b.txt", "...", "..a", "a b.txt", "été/😀.md"])
def test_an_ordinary_path_is_taken(path: str) -> None:
    assert checked_path(path) == path


def test_a_model_sees_no_workspace_among_the_arguments() -> None:
    for tool in WORKSPACE_TOOLS:
        properties = signature_of(tool).schema.get("properties")
        assert isinstance(properties, dict)
        assert "workspace" not in properties


def test_bytes_are_written_as_base64() -> None:
    shelf = Shelf()
    content = base64.b64encode(b"\0\xff").decode()
    wish = write_file("b.bin", content, encoding="base64", append=True, workspace=shelf)
    assert shelf.wished == [FileWish(path="b.bin", content=b"\0\xff", append=True)]
    assert wish.result == {"path": "b.bin", "bytes": 2, "appended": True}
    for wrong in ("====", "a b c", "é"):
        with pytest.raises(ToolError, match="not base64"):
            write_file("b.bin", wrong, encoding="base64", workspace=shelf)


def test_a_file_that_no_workspace_could_hold_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ToolError, match="at most 16777216 bytes"):
        write_file("a", "x" * (16 * 1024 * 1024 + 1), workspace=Shelf())


def test_a_long_file_is_read_in_parts() -> None:
    shelf = Shelf(a_txt="añb😀c".encode())
    first = read_file("a.txt", limit=3, workspace=shelf)
    assert (first["content"], first["next_offset"], first["encoding"]) == ("añb", 3, "text")
    rest = read_file("a.txt", offset=3, workspace=shelf)
    assert (rest["content"], rest["next_offset"]) == ("😀c", None)
    assert read_file("a.txt", offset=99, workspace=shelf)["content"] == ""


def test_what_is_no_text_is_read_as_base64() -> None:
    shelf = Shelf(b_bin=b"\0\xff\0", n_txt=b"a\0")
    part = read_file("b.bin", limit=2, workspace=shelf)
    assert (part["content"], part["next_offset"]) == (base64.b64encode(b"\0\xff").decode(), 2)
    assert read_file("n.txt", workspace=shelf)["encoding"] == "base64"


def test_a_file_that_is_not_there_is_said_so() -> None:
    with pytest.raises(ToolError, match="there is no file 'a'"):
        read_file("a", workspace=Shelf())


def test_a_folder_lists_only_what_is_in_it() -> None:
    shelf = Shelf()
    shelf.kept = {"a/b.txt": b"", "a/c/d.txt": b"", "ab.txt": b"", "z": b""}
    assert [file["path"] for file in list_files("a/", workspace=shelf)] == ["a/b.txt", "a/c/d.txt"]
    assert len(list_files(workspace=shelf)) == 4
    with pytest.raises(ToolError):
        list_files("../", workspace=shelf)


def test_deleting_is_a_statement_too() -> None:
    shelf = Shelf()
    assert len(delete_file("a", expect="e", workspace=shelf).statements) == 1
    assert shelf.wished == ["a e"]
