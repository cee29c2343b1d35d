"""An upload of items, a line each: read as it comes, checked line by line, kept in chunks."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from agent_workers.domain.batch import BatchItem
from agent_workers.domain.text.strict_json import JsonRefused, parse
from agent_workers.state.batches.rows import Kept
from api.http.door import MOST_BYTES
from api.problems import MOST_MISTAKES, Mistake, Problem

LINES_AT_ONCE = 500
BYTES_AT_ONCE = 1 << 20

Store = Callable[[Sequence[BatchItem]], Kept]
Numbered = tuple[int, bytes]


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of the lines so far."""

    lines: int = 0
    stored: int = 0
    known: int = 0
    mistakes: list[Mistake] = field(default_factory=list)

    @property
    def has_enough(self) -> bool:
        return len(self.mistakes) >= MOST_MISTAKES


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Lines that came together, each with its number in the upload (from 1)."""

    lines: Sequence[Numbered]


async def chunks(body: AsyncIterator[bytes]) -> AsyncIterator[Chunk]:
    """Cut a body into chunks of whole lines; holds one chunk and one line at a time."""
    splitter = _Splitter()
    async for part in body:
        for chunk in splitter.take(part):
            yield chunk
    rest = splitter.rest()
    if rest.lines:
        yield rest


class _Splitter:
    def __init__(self) -> None:
        self._begun = bytearray()  # a line whose end has not come
        self._lines: list[Numbered] = []
        self._bytes = 0
        self._number = 0

    def take(self, part: bytes) -> Iterator[Chunk]:
        *whole, last = part.split(b"\n")
        for piece in whole:
            self._begun += piece
            self._end_line()
            if len(self._lines) >= LINES_AT_ONCE or self._bytes >= BYTES_AT_ONCE:
                yield self._cut()
        self._begun += last
        self._check_length()

    def rest(self) -> Chunk:
        if self._begun:
            self._end_line()
        return self._cut()

    def _end_line(self) -> None:
        self._check_length()
        self._number += 1
        line = bytes(self._begun).strip()
        self._begun.clear()
        if line:  # an empty line is nothing, but it is counted
            self._lines.append((self._number, line))
            self._bytes += len(line)

    def _check_length(self) -> None:
        if len(self._begun) > MOST_BYTES:
            place = f"/lines/{self._number + 1}"
            detail = f"line {self._number + 1}: a line may have at most {MOST_BYTES} bytes"
            mistake = Mistake(pointer=place, detail=detail)
            headers = {"connection": "close"}
            raise Problem(code="body_too_large", detail=detail, mistakes=[mistake], headers=headers)

    def _cut(self) -> Chunk:
        chunk = Chunk(lines=self._lines)
        self._lines, self._bytes = [], 0
        return chunk


def keep(
    chunk: Chunk,
    *,
    read: Callable[[object], BatchItem],
    objection: Callable[[str], str],
    store: Store,
    tally: Tally,
) -> None:
    """Check the lines of a chunk and keep those that are right; runs in a thread."""
    items, numbers = [], []
    for number, line in chunk.lines:
        tally.lines += 1
        try:
            item = read(parse(line, subject="this"))
        except (Problem, JsonRefused) as error:
            tally.mistakes += _mistakes(number, error)
            continue
        if detail := objection(item.agent):
            tally.mistakes.append(_mistake(number, "/agent", detail))
            continue
        items.append(item)
        numbers.append(number)
    if not items:
        return
    kept = store(items)
    tally.stored += kept.stored
    tally.known += kept.known
    for place in kept.clashing:
        custom_id = items[place - 1].custom_id
        detail = f"custom_id {custom_id[:100]!r} stands for another item already"
        tally.mistakes.append(_mistake(numbers[place - 1], "/custom_id", detail))


def _mistakes(number: int, error: Problem | JsonRefused) -> list[Mistake]:
    match error:
        case JsonRefused():
            return [_mistake(number, error.pointer, error.detail)]
        case Problem():
            return [_mistake(number, one.pointer, one.detail) for one in error.mistakes]


def _mistake(number: int, pointer: str, detail: str) -> Mistake:
    return Mistake(pointer=f"/lines/{number}{pointer}", detail=f"line {number}: {detail}")
