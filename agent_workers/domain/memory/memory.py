"""What is remembered over many jobs: of whom, from where, and what a tool may ask of it."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from agent_workers.domain.errors import AgentWorkersError, ToolError
from agent_workers.domain.tools.facility import Facility
from agent_workers.domain.tools.tool import Statement

LONGEST_CONTENT: Final = 2_000
LONGEST_SUBJECT: Final = 120
# Two memories of one subject that are as near as this say the same thing, or the newer corrects
# the older.
NEAR: Final = 0.9
_ID: Final = re.compile(r"mem_([0-9a-f]{32})")
_AROUND: Final = " \t\r\n.,;:!\"'`\u201c\u201d\u2018\u2019\u00ab\u00bb()[]"
# Characters that are not seen, or turn the way a text reads; line breaks and tabs may stay.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


class MemoryNotFound(AgentWorkersError):
    code = "memory_not_found"


class AlreadyKnown(ToolError):
    """What was recalled is not to be remembered again: it would confirm itself."""

    code = "already_known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What shall be remembered, as it was said."""

    content: str
    subject: str = ""
    confidence: float = 1.0
    days: int | None = None
    # The memory that it says is no longer true.
    corrects: UUID | None = None

    @property
    def meaning_hash(self) -> bytes:
        """The same for what is said in other letter cases, spacing, or marks around it."""
        parts = (self.subject, self.content)
        plain = (" ".join(unicodedata.normalize("NFKC", one).casefold().split()) for one in parts)
        return hashlib.sha256("\x1f".join(one.strip(_AROUND) for one in plain).encode()).digest()

    @property
    def to_embed(self) -> str:
        return embedded_text(self.subject, self.content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A memory as it is kept, with its provenance."""

    memory_id: UUID
    user_id: str
    subject: str
    content: str
    confidence: float
    model: str
    job_id: UUID
    position: int
    created_at: datetime
    expires_at: datetime | None
    superseded_by: UUID | None
    superseded_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    memory: Memory
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recollection:
    """What was found, the nearest first; `unsearched` are vectors of another model."""

    found: Sequence[Recalled]
    unsearched: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """The same is remembered already, by this memory."""

    memory_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """It is not known yet: the statement writes it, and lets it replace these."""

    memory_id: UUID
    replaces: Sequence[UUID]
    statement: Statement


class Memories(Facility, Protocol):
    """What the jobs of one user remember; those without a user share a namespace of their own."""

    @property
    def most_tokens(self) -> int:
        """About how many tokens one recall may give to a model."""
        ...

    def learn(self, lesson: Lesson) -> Known | New:
        """Look what a lesson is beside what is known; its statement runs with the step's record."""
        ...

    def recall(self, query: str, *, limit: int) -> Recollection: ...


def spelled_subject(subject: str) -> str:
    """Subjects are the same in other letters and spacing."""
    return " ".join(unicodedata.normalize("NFC", subject).casefold().split())


def embedded_text(subject: str, content: str) -> str:
    """What of a memory becomes its vector: the subject is part of what it says."""
    return f"{subject}: {content}" if subject else content


def checked_lesson(lesson: Lesson) -> Lesson:
    """Return a lesson in its one spelling, or say why it cannot be remembered."""
    content, subject = _spelled(lesson.content), spelled_subject(_spelled(lesson.subject))
    if not content:
        raise ToolError("there is nothing to remember: the content is blank")
    if len(content) > LONGEST_CONTENT or len(subject) > LONGEST_SUBJECT:
        most = f"{LONGEST_CONTENT} characters, its subject {LONGEST_SUBJECT}"
        raise ToolError(f"a memory may have at most {most}: remember the essence")
    if "\n" in lesson.subject.strip():
        raise ToolError("a subject must be one line")
    if _ID.search(content) or _ID.search(subject):
        raise AlreadyKnown("this cites a memory: what was recalled is not remembered again")
    return Lesson(
        content=content,
        subject=subject,
        confidence=lesson.confidence,
        days=lesson.days,
        corrects=lesson.corrects,
    )


def _spelled(text: str) -> str:
    normal = unicodedata.normalize("NFC", text).strip()
    unseen = {c for c in normal if unicodedata.category(c) in _UNSEEN and c not in "\n\r\t"}
    if unseen - set("\u200c\u200d"):  # joiners that some scripts and emoji are written with
        raise ToolError("a memory may not contain invisible characters")
    return normal
