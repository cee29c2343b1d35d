"""`agent-workers knowledge` as an operator types it: what is added, found, changed and removed."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_workers.cli.main import main
from agent_workers.domain.ids import TenantId
from agent_workers.state.database.engine import Database

Say = Callable[..., str]


@pytest.fixture
def say(
    database: Database,
    tenant: TenantId,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Say:
    """Type a command in an empty folder, and read everything that it says."""
    monkeypatch.setenv("AGENT_DATABASE_URL", database.url)
    monkeypatch.setenv("AGENT_EMBEDDING_MODEL", "hashed")
    monkeypatch.chdir(tmp_path)

    def typed(verb: str, *words: str, code: int = 0) -> str:
        assert main(["knowledge", verb, "--tenant", tenant, *words]) == code
        told = capsys.readouterr()
        return told.out + told.err

    return typed


def files(**contents: str | bytes) -> None:
    for name, content in contents.items():
        path = Path(name.replace("__", "/").replace("_", "."))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def test_a_folder_is_added_once_and_what_changed_is_added_again(say: Say) -> None:
    files(docs__a_md="# Refunds\nPaid in five days.", docs__b_html="<h1>Hours</h1><p>From nine.")
    files(
        docs__c_bin=b"\0", docs___hidden_md="hidden", docs__twin_md="# Refunds\nPaid in five days."
    )
    Path("docs/link.md").symlink_to("/etc/hosts")
    assert say("add", "docs/").splitlines() == [
        "added in 1 chunk: docs/a.md",
        "added in 1 chunk: docs/b.html",
        "the same as docs/a.md: docs/twin.md",
    ]
    files(docs__a_md="# Refunds\nPaid in ten days.")
    assert say("add", "docs").splitlines() == [
        "added in 1 chunk: docs/a.md",
        "unchanged: docs/b.html",
        "added in 1 chunk: docs/twin.md",
    ]
    listed = json.loads(say("list", "--json"))
    assert [one["source"] for one in listed] == ["docs/a.md", "docs/b.html", "docs/twin.md"]


def test_what_was_added_is_shown_searched_and_removed(say: Say) -> None:
    files(a_md="# Refunds\nPaid in five days.", b_txt="We open at nine.")
    say("add", "a.md", "b.txt")
    [chunk] = json.loads(say("show", "a.md", "--json"))
    assert f"[{chunk['chunk_id']}] Refunds\nPaid in five days." in say("show", "a.md")
    [hit, _] = json.loads(say("search", "when are refunds paid", "--json"))
    assert (hit["chunk_id"], hit["source"]) == (chunk["chunk_id"], "a.md")
    assert say("search", "refunds paid", "--limit", "1").startswith(f"[{chunk['chunk_id']}]")
    assert say("remove", "a.md", "gone.md", code=1).splitlines()[0] == "removed: a.md"
    assert "has no document 'a.md': see" in say("show", "a.md", code=1)
    assert "b.txt" in say("list")


def test_a_file_that_cannot_be_read_stops_no_other(say: Say) -> None:
    files(a_pdf=b"%PDF-1.4 broken", b_docx=b"PK\x03\x04", c_txt="text", d_txt="")
    files(odd__e_txt="text")
    Path("odd/e.txt").rename("odd/\x1b[2J.txt")
    Path(os.fsdecode(b"odd/\xff.txt")).write_text("text")
    os.mkfifo("pipe")
    told = say("add", "a.pdf", "b.docx", "c.txt", "d.txt", "pipe", "odd", code=1)
    assert "\x1b" not in told
    assert "not added: 'odd/\\x1b[2J.txt': its name has characters that are not printable" in told
    assert "not added: a.pdf: it is a broken PDF" in told
    assert "not added: b.docx: it is an archive" in told
    assert "added in 1 chunk: c.txt" in told
    assert "not added: d.txt: it is empty" in told
    assert "not added: pipe: it is not a regular file" in told
    assert "6 files could not be added" in told
    assert "there is no file or folder 'nowhere'" in say("add", "nowhere", code=1)
    for words in (("show", "\udcff"), ("remove", "a.txt", "\udcff"), ("list", "--tenant", "")):
        assert "is not a name" in say(*words, code=2)


def test_another_model_makes_vectors_anew(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    files(a_txt="We open at nine.")
    say("add", "a.txt")
    assert "all vectors are from hashed/64" in say("reembed")
    monkeypatch.setenv("AGENT_EMBEDDING_MODEL", "wordllama")
    assert [one["similarity"] for one in json.loads(say("search", "open", "--json"))] == [None]
    assert say("reembed") == "embedded: a.txt\n"
    [hit] = json.loads(say("search", "when does the shop begin its day", "--json"))
    assert hit["similarity"] > 0.1
    assert "unchanged" in say("add", "a.txt")


def test_a_file_under_the_name_of_what_is_said_elsewhere_takes_its_old_text_along(
    say: Say,
) -> None:
    files(a_txt="first", b_txt="second")
    say("add", "a.txt", "b.txt")
    files(b_txt="first")
    assert say("add", "b.txt") == "the same as a.txt: b.txt\n"
    assert [one["source"] for one in json.loads(say("list", "--json"))] == ["a.txt"]
