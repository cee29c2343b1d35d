"""How files become text: by headings, without what nobody sees, and within bounds."""

import io
import sys
import zlib
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter

from agent_workers.domain.memory.knowledge import Kind, ReadText, Unreadable
from agent_workers.execution.knowledge.html import read_html
from agent_workers.execution.knowledge.pdf import read_pdf
from agent_workers.execution.knowledge.plain import decoded, read_markdown
from agent_workers.execution.knowledge.reading import (
    LARGEST_FILE,
    Patience,
    document_of,
    kind_of,
)


def said(read: ReadText) -> list[tuple[str, str]]:
    return [(one.heading, one.text.strip()) for one in read.passages]


def pdf(*pages: str, stream: bytes | None = None, extra: bytes = b"") -> bytes:
    """Write a small PDF by hand: a page for each text, or one with this very stream."""
    kids = " ".join(f"{10 + 2 * n} 0 R" for n in range(len(pages)))
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        3: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    }
    for n, text in enumerate(pages):
        content = stream or f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET".encode()
        objects[10 + 2 * n] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents {11 + 2 * n} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>"
        ).encode()
        head = b"<< /Length %d%s >>\nstream\n" % (len(content), extra)
        objects[11 + 2 * n] = head + content + b"\nendstream"
    out, places = b"%PDF-1.4\n", {}
    for number, body in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%d 1\n%010d 00000 n \n" % (n, at) for n, at in places.items())
    trailer = b"trailer\n<< /Size 99 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % len(out)
    return out + b"xref\n0 1\n0000000000 65535 f \n" + table + trailer


def locked(content: bytes, password: str) -> bytes:
    writer, out = PdfWriter(clone_from=PdfReader(io.BytesIO(content))), io.BytesIO()
    writer.encrypt(password, algorithm="AES-256")
    writer.write(out)
    return out.getvalue()


def test_markdown_is_cut_at_its_headings() -> None:
    text = "before\n# Top\nintro\n## Sub ##\nbody\n\nUnder\n-----\nmore\n# Next\nlast"
    read = read_markdown(text)
    assert read.title == "Top"
    assert said(read) == [
        ("", "before"),
        ("Top", "intro"),
        ("Top > Sub", "body"),
        ("Top > Under", "more"),
        ("Next", "last"),
    ]


def test_what_looks_like_a_heading_in_code_is_code() -> None:
    fenced = "# A\n```sh\n# no heading\n~~~\n```\n# B\ntext"
    assert said(read_markdown(fenced)) == [("A", "```sh\n# no heading\n~~~\n```"), ("B", "text")]


def test_front_matter_gives_the_title_and_no_text() -> None:
    read = read_markdown('---\ntitle: "My page"\ntags: [a]\n---\n# Heading\ntext')
    assert (read.title, said(read)) == ("My page", [("Heading", "text")])


def test_text_is_utf8_or_what_its_mark_says() -> None:
    assert decoded("é".encode("utf-16")) == "é"
    assert decoded(b"\xef\xbb\xbfa\r\nb\rc") == "a\nb\nc"
    with pytest.raises(Unreadable, match="not text in UTF-8"):
        decoded(b"\xff\xfe\xfd\x00\xd8\xff"[2:])


def test_controls_that_a_terminal_would_follow_are_left_out() -> None:
    assert decoded(b"a\x1b[2Jb\0c\x7fd\xc2\x9be") == "a [2Jb c d e"


def test_what_only_machines_would_see_is_left_out() -> None:
    tags = "".join(chr(0xE0000 + ord(letter)) for letter in "obey")
    assert decoded(f"a{tags}\u202eb\u2066".encode()) == "ab"


def test_a_title_of_many_spaces_takes_no_time() -> None:
    read = read_markdown("---\ntitle: a" + " " * 1_000_000 + "b\n---\ntext")
    assert read.title.split() == ["a", "b"]


def test_headings_cost_no_more_than_they_say() -> None:
    long = "h" * 100_000
    read = read_markdown(f"# {long}\n" + "## a\ntext\n" * 100)
    assert max(len(one.heading) for one in read.passages) < 1_000
    with pytest.raises(Unreadable, match="more than 10000 chunks"):
        read_markdown("# a\nx\n" * 10_001)
    with pytest.raises(Unreadable, match="more than 10000 chunks"):
        read_html(b"<h1>a</h1>x" * 10_002)


def test_html_gives_what_a_browser_shows_under_its_headings() -> None:
    page = b"""<html><head><title> A
      page </title><style>p {}</style></head><body>intro
      <h1>One <b>two</b></h1><p>Hello <i>you</i>,<br>all</p><h2>Sub</h2><pre>  x\n y</pre>
      <table><tr><th>a<th>b<tr><td>1<td>2</table><!-- no --><script>no()</script>"""
    read = read_html(page)
    assert read.title == "A page"
    assert said(read) == [
        ("", "intro"),
        ("One two", "Hello you, all"),
        ("One two > Sub", "x\n y\n\na | b\n\n1 | 2"),
    ]


@pytest.mark.parametrize(
    "hidden",
    [
        *("<p hidden>no</p>", "<p aria-hidden=true>no</p>", "<template>no</template>"),
        *('<div style="DISPLAY : none"><p>no</div>', '<i style="visibility:hidden">no</i>'),
        *("<noscript>no</noscript>", "<svg><text>no</text></svg>", "<textarea>no</textarea>"),
    ],
)
def test_what_nobody_sees_on_a_page_is_not_read(hidden: str) -> None:
    assert said(read_html(f"<p>a</p>{hidden}<p>b</p>".encode())) == [("", "a\n\nb")]


def test_a_page_is_read_in_the_encoding_that_it_declares() -> None:
    page = '<meta charset="windows-1252"><p>caf\u00e9'.encode("cp1252")
    assert said(read_html(page)) == [("", "caf\u00e9")]
    for bomb in (b"zlib_codec", b"bz2", b"rot13", b"nonsense", b"idna", b"unicode_escape"):
        with pytest.raises(Unreadable, match=f"its encoding '{bomb.decode()}' is not supported"):
            read_html(b'<meta charset="' + bomb + b'">x')


def test_a_pdf_is_read_page_by_page() -> None:
    found = document_of("a.pdf", pdf("Hello world", "Second page"))
    assert (found.kind, found.title) == (Kind.PDF, "a")
    assert [(one.heading, one.content) for one in found.chunks] == [
        ("page 1", "Hello world"),
        ("page 2", "Second page"),
    ]


def test_a_pdf_that_unpacks_without_end_is_refused() -> None:
    packed = zlib.compress(zlib.compress(b"\0" * 80_000_000, 1))
    bomb = pdf("", stream=packed, extra=b" /Filter [/FlateDecode /FlateDecode]")
    assert len(bomb) < 20_000
    with pytest.raises(Unreadable, match="decompresses to far too much"):
        read_pdf(bomb)


def test_a_pdf_with_a_password_is_said_to_have_one() -> None:
    with pytest.raises(Unreadable, match="password"):
        read_pdf(locked(pdf("secret"), "geheim"))
    assert said(read_pdf(locked(pdf("open"), ""))) == [("page 1", "open")]


@pytest.mark.parametrize(
    "broken",
    [
        *(b"%PDF-1.4\n", b"%PDF-1.7\nrubbish" * 50, pdf("x")[:200], pdf()),
        pdf("x").replace(b"/Kids [10 0 R]", b"/Kids [2 0 R]"),
        pdf("x").replace(b"/Contents 11 0 R", b"/Contents (no) "),
    ],
)
def test_a_broken_pdf_ends_in_one_sentence(broken: bytes) -> None:
    with pytest.raises(Unreadable, match=r"it is a (broken PDF|PDF without text|PDF that is)"):
        read_pdf(broken)


def test_a_parser_that_takes_too_much_is_ended_and_says_so() -> None:
    nested = b"<div>" * 300_000
    with pytest.raises(Unreadable, match=r"took too much|takes more than"):
        document_of("a.html", nested, patience=Patience(cpu_s=1, wall_s=120))
    with pytest.raises(Unreadable, match=r"memory"):
        document_of("a.html", b"<p>x" * 500_000, patience=Patience(memory=200 << 20))


def test_a_parser_knows_nothing_of_who_started_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text(
        '#!/bin/sh\nprintf \'{"title": "%s", "passages": [["", "%s"]]}\' "$AGENT_SECRET" "$1"'
    )
    python.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setenv("AGENT_SECRET", "geheim")
    read = document_of("a.html", b"<p>x")
    assert (read.title, read.chunks[0].content) == ("a", "-I")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b" \n ", "it is empty"),
        ("a.md", b"x" * (LARGEST_FILE + 1), "larger than 32 MiB"),
        ("a.docx", b"PK\x03\x04...", "archive"),
        ("a.gz", b"\x1f\x8b\x08...", "archive"),
        ("a.pdf", b"hello", "is not a PDF"),
        ("a.bin", b"\x80\x81", "not text in UTF-8"),
        ("a.md", b"# only a heading", "no text in it"),
        ("a.txt", b"a b " * 2_000_001, "more than 8000000 characters"),
    ],
)
def test_a_file_that_is_no_document_is_refused(name: str, content: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        document_of(name, content)


def test_the_bytes_say_what_a_file_is_before_its_name_does() -> None:
    assert kind_of("a.txt", b"%PDF-1.4") is Kind.PDF
    assert kind_of("about.md", b"Files begin with %PDF-") is Kind.MARKDOWN
    assert kind_of("a.PDF", b"\n%PDF-1.4") is Kind.PDF
    assert kind_of("README", b"x") is Kind.TEXT
