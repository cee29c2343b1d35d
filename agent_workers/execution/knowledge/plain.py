"""Reads plain text and Markdown: bytes become characters, headings become the names of passages."""

import codecs
import re
from collections.abc import Iterator, Sequence

from agent_workers.domain.memory.knowledge import Passage, ReadText, Unreadable, refuse_too_many

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What no document says, and what a terminal would follow.
_CONTROLS = {code: " " for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
# What turns the way a line reads, and letters that only machines see.
_UNSEEN = (*range(0x202A, 0x202F), *range(0x2066, 0x2070), *range(0xE0000, 0xE0080))
_CLEANED = _CONTROLS | dict.fromkeys(_UNSEEN, "")
_LONGEST_HEADING = 500
_HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*)")
_UNDERLINE = re.compile(r"(=+|-+)[ \t]*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_FRONT = re.compile(r"---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:(.*)$", re.MULTILINE)


def decoded(content: bytes) -> str:
    """Return what these bytes say in UTF-8, or in what their first bytes name."""
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    try:
        return cleaned(content.decode(encoding))
    except UnicodeDecodeError:
        raise Unreadable("it is not text in UTF-8") from None


def cleaned(text: str) -> str:
    """Leave out what cannot be stored, or would not be seen."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").translate(_CLEANED)
    return lines.encode("utf-8", "replace").decode("utf-8")


def read_plain(text: str) -> ReadText:
    return ReadText(title="", passages=[Passage(heading="", text=text)])


def read_markdown(text: str) -> ReadText:
    """Cut Markdown at its headings; each passage is named by all headings above it."""
    title, body = _without_front_matter(text)
    passages, path = [], Headings()
    for level, heading, said in _sections(body.split("\n")):
        if level:
            path.enter(level, heading)
            title = title or heading
        if said.strip():
            passages.append(Passage(heading=path.named, text=said))
            refuse_too_many(passages)
    return ReadText(title=title, passages=passages)


class Headings:
    """The headings that are open at a place of a document, the outermost first."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []

    @property
    def named(self) -> str:
        return " > ".join(words for _, words in self._open)

    def enter(self, level: int, words: str) -> None:
        """A heading closes those of its own level and below."""
        self._open = [one for one in self._open if one[0] < level]
        self._open.append((level, words[:_LONGEST_HEADING]))


def _without_front_matter(text: str) -> tuple[str, str]:
    front = _FRONT.match(text)
    if front is None:
        return "", text
    title = _FRONT_TITLE.search(front.group(1))
    words = title.group(1).strip(" \t").strip("\"'") if title else ""
    return words, text[front.end() :]


def _sections(lines: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """Give the level and words of each heading with what follows it, the text before all first."""
    level, words, said, fence = 0, "", list[str](), ""
    for line in lines:
        fence = _fence_after(line, fence)
        found = None if fence else _heading(line, said)
        if found is None:
            said.append(line)
            continue
        yield level, words, "\n".join(said)
        (level, words), said = found, []
    yield level, words, "\n".join(said)


def _fence_after(line: str, fence: str) -> str:
    """Return the fence that is open behind this line: what looks like a heading in it is code."""
    marks = _FENCE.match(line)
    if marks is None:
        return fence
    if not fence:
        return marks.group(1)
    closes = marks.group(1).startswith(fence) and not line.strip(" `~")
    return "" if closes else fence


def _heading(line: str, said: list[str]) -> tuple[int, str] | None:
    """Read a heading; one that is underlined has been taken for text, and is taken back."""
    marked = _HEADING.fullmatch(line)
    if marked is not None:
        return len(marked.group(1)), marked.group(2).rstrip("# \t")
    alone = len(said) == 1 or (len(said) > 1 and not said[-2].strip())
    if _UNDERLINE.fullmatch(line) and alone and said[-1].strip() and said[-1][0].isalnum():
        return (1 if line[0] == "=" else 2), said.pop().strip()
    return None
