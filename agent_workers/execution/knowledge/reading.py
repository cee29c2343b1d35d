"""Reads the bytes of a file as a document, of whatever kind they are; parsers run apart."""

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

from agent_workers.domain.memory.chunking import chunks_of
from agent_workers.domain.memory.knowledge import (
    Document,
    Kind,
    Passage,
    ReadText,
    Unreadable,
    hash_of,
    refuse_too_much,
)
from agent_workers.execution.knowledge import extracting
from agent_workers.execution.knowledge.plain import decoded, read_markdown, read_plain

LARGEST_FILE = 32 * 1024 * 1024
# What a folder is searched for; a file that is named is tried whatever it is called.
KINDS: Final[Mapping[str, Kind]] = {
    ".txt": Kind.TEXT,
    ".text": Kind.TEXT,
    ".rst": Kind.TEXT,
    ".md": Kind.MARKDOWN,
    ".markdown": Kind.MARKDOWN,
    ".html": Kind.HTML,
    ".htm": Kind.HTML,
    ".xhtml": Kind.HTML,
    ".pdf": Kind.PDF,
}
_PDF, _ZIPS = b"%PDF-", (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"7z\xbc\xaf")
_LONGEST_TITLE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """What reading one file may take of a process of its own."""

    cpu_s: int = 120
    wall_s: int = 300
    memory: int = 1 << 30


def document_of(source: str, content: bytes, *, patience: Patience | None = None) -> Document:
    """Read a file's bytes and cut them into chunks, or say why that cannot be."""
    kind = kind_of(source, content)
    read = _read(kind, content, patience or Patience())
    refuse_too_much(read)
    chunks = chunks_of(source, read.passages)
    if not chunks:
        raise Unreadable("there is no text in it")
    return Document(
        source=source,
        title=(" ".join(read.title.split()) or PurePath(source).stem)[:_LONGEST_TITLE],
        kind=kind,
        bytes=len(content),
        content_hash=hash_of(content),
        chunks=chunks,
    )


def kind_of(source: str, content: bytes) -> Kind:
    """Say how these bytes are to be read: by what they are, then by their name."""
    if len(content) > LARGEST_FILE:
        raise Unreadable(f"it is larger than {LARGEST_FILE // (1024 * 1024)} MiB")
    if not content.strip():
        raise Unreadable("it is empty")
    if content.startswith(_ZIPS):
        raise Unreadable("it is an archive (as .docx and .zip are); unpack or export it first")
    named = KINDS.get(PurePath(source).suffix.lower())
    # Some programs write a line of their own before it.
    if content.startswith(_PDF) or (named is Kind.PDF and _PDF in content[:1_024]):
        return Kind.PDF
    if named is Kind.PDF:
        raise Unreadable("its name ends in .pdf, but it is not a PDF")
    return named or Kind.TEXT


def _read(kind: Kind, content: bytes, patience: Patience) -> ReadText:
    match kind:
        case Kind.TEXT:
            return read_plain(decoded(content))
        case Kind.MARKDOWN:
            return read_markdown(decoded(content))
        case Kind.HTML | Kind.PDF:
            return _read_apart(kind, content, patience)


def _read_apart(kind: Kind, content: bytes, patience: Patience) -> ReadText:
    """Read in a process of its own, with no variable of ours and with bounds of its own."""
    bounds = [str(patience.cpu_s), str(patience.memory)]
    argv = [sys.executable, "-I", "-m", extracting.__name__, kind.value, *bounds]
    within = patience.wall_s
    try:
        ran = subprocess.run(
            argv, input=content, capture_output=True, env={}, timeout=within, check=False
        )
    except subprocess.TimeoutExpired:
        raise Unreadable(f"reading it took more than {within:g} s") from None
    if ran.returncode != 0:
        raise Unreadable(
            f"reading it took too much time or memory and was stopped: {_why(ran.returncode)}"
        )
    # Any: what the other process wrote; its shape is checked by reading it.
    told: Any = json.loads(ran.stdout)
    if "unreadable" in told:
        raise Unreadable(str(told["unreadable"]))
    passages = [Passage(heading=heading, text=text) for heading, text in told["passages"]]
    return ReadText(title=told["title"], passages=passages)


def _why(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
