"""Documents that agents may search: what was read of them, and what a tool may ask."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.tools.facility import Facility

MOST_CHUNKS = 10_000
MOST_CHARS = 8_000_000
# Part of a document's hash: raised when documents are read or cut in another way.
_READING = b"1\0"


class Unreadable(AgentWorkersError):
    """A file cannot become a document; the message says why."""

    code = "unreadable"


class Kind(StrEnum):
    """How a document is read."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"
    PDF = "pdf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A part of a document under one heading, which names those above it as well."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadText:
    """What was read of a document."""

    title: str
    passages: Sequence[Passage]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """What is found as a whole. Its id comes from what it says, so that a citation stays true."""

    number: int
    chunk_id: str
    heading: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    source: str
    title: str
    kind: Kind
    content_hash: bytes
    bytes: int
    chunks: Sequence[Chunk]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vectors:
    """A vector for each chunk of a document, all of one model."""

    model: str
    rows: Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentSeen:
    """A document as its owner may see it."""

    source: str
    title: str
    kind: str
    bytes: int
    chunks: int
    model: str
    added_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    text: str
    model: str
    vector: Sequence[float]
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A chunk that was found; `similarity` is the cosine of the angle to the question."""

    chunk_id: str
    source: str
    title: str
    heading: str
    content: str
    similarity: float | None


class Knowledge(Facility, Protocol):
    """The documents of the calling job's tenant."""

    def search(self, question: Question) -> Sequence[Hit]: ...

    def has_others(self, model: str) -> bool:
        """Say whether there are documents whose vectors are of another model."""
        ...


def hash_of(content: bytes) -> bytes:
    """Return by what a document is known again, whatever it is called."""
    return hashlib.sha256(_READING + content).digest()


def refuse_too_many(passages: Sequence[Passage]) -> None:
    """Each becomes a chunk at least, and carries its heading: they are counted as they come."""
    if len(passages) > MOST_CHUNKS:
        raise Unreadable(f"it is too long: more than {MOST_CHUNKS} chunks")


def refuse_too_much(read: ReadText) -> None:
    if sum(len(one.text) for one in read.passages) > MOST_CHARS:
        raise Unreadable(f"it has more than {MOST_CHARS} characters")
