"""Cutting a document into chunks: by headings, then paragraphs, then sentences, with an overlap."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence

from agent_workers.domain.memory.knowledge import MOST_CHUNKS, Chunk, Passage, Unreadable

MOST_CHARS = 1_200
OVERLAP_CHARS = 150
_LONGEST_HEADING = 500
_BLANK_LINES = re.compile(r"\n[ \t]*\n\s*")
_SENTENCE_ENDS = re.compile(r"(?<=[.!?。！？])\s+")  # noqa: RUF001 (the full stops of others)
_SPACES = re.compile(r"\s+")


def chunks_of(source: str, passages: Iterable[Passage]) -> Sequence[Chunk]:
    """Cut passages into chunks; what is said twice under one heading is one chunk."""
    found: dict[str, Chunk] = {}
    for passage in passages:
        heading = passage.heading[:_LONGEST_HEADING]
        for content in _packed(_pieces(passage.text)):
            chunk_id = _id_of(source, heading, content)
            chunk = Chunk(number=len(found), chunk_id=chunk_id, heading=heading, content=content)
            found.setdefault(chunk_id, chunk)
            if len(found) > MOST_CHUNKS:
                raise Unreadable(f"it is too long: more than {MOST_CHUNKS} chunks")
    return tuple(found.values())


def _id_of(source: str, heading: str, content: str) -> str:
    said = f"{source}\0{heading}\0{content}".encode("utf-8", "surrogatepass")
    return f"doc_{hashlib.sha256(said).hexdigest()[:16]}"


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Give pieces that fit, each with what joins it to the one before."""
    for paragraph in _BLANK_LINES.split(text.strip()):
        if len(paragraph) <= MOST_CHARS:
            yield "\n\n", paragraph
            continue
        joint = "\n\n"
        for line in paragraph.split("\n"):
            for part in _line_parts(line):
                yield joint, part
                joint = " "
            joint = "\n"


def _line_parts(line: str) -> Iterator[str]:
    if len(line) <= MOST_CHARS:
        yield line
        return
    for sentence in _SENTENCE_ENDS.split(line):
        yield from _parts(sentence)


def _parts(sentence: str) -> Iterator[str]:
    """Cut a sentence that is too long between words, and a word that is too long anywhere."""
    left = sentence.strip()
    while len(left) > MOST_CHARS:
        at = left.rfind(" ", MOST_CHARS // 2, MOST_CHARS)
        at = MOST_CHARS if at < 0 else at
        yield left[:at].strip()
        left = left[at:].strip()
    yield left


def _packed(pieces: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Put as many pieces into a chunk as fit; the next one begins with the end of the last."""
    chunk, fresh = "", False
    for joint, piece in pieces:
        if not piece.strip():
            continue
        joined = f"{chunk}{joint}{piece}" if chunk else piece
        if len(joined) <= MOST_CHARS:
            chunk, fresh = joined, True
            continue
        if fresh:
            yield chunk
        tail = _tail(chunk)
        fits = tail and len(tail) + len(joint) + len(piece) <= MOST_CHARS
        chunk, fresh = (f"{tail}{joint}{piece}" if fits else piece), True
    if fresh:
        yield chunk


def _tail(chunk: str) -> str:
    """Return the last whole words, from the beginning of a sentence if there is one."""
    tail = chunk[-OVERLAP_CHARS:]
    begins = [match.end() for match in _SENTENCE_ENDS.finditer(tail)]
    if begins and begins[0] < len(tail):
        return tail[begins[0] :].strip()
    space = _SPACES.search(tail)
    return tail[space.end() :].strip() if space else ""
