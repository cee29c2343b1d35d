"""Reads HTML: what a browser would show, by headings; nothing is fetched and nothing is run."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from agent_workers.domain.memory.knowledge import Passage, ReadText, Unreadable, refuse_too_many
from agent_workers.execution.knowledge.plain import Headings, cleaned, decoded

_UNSEEN = frozenset(
    "script style noscript template svg math iframe object embed head nav select textarea button"
    " audio video canvas map datalist dialog".split()
)
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset(
    "address article aside blockquote body caption dd details div dl dt fieldset figcaption"
    " figure footer header hr li main ol p pre section summary table tbody thead tr ul"
    " html".split()
) | frozenset(_HEADINGS)
_DECLARED = re.compile(rb"charset\s*=\s*[\"']?\s*([\w-]{2,30})", re.IGNORECASE)
# Only encodings of characters: Python knows codecs that unpack bombs as well.
_ENCODINGS = frozenset(
    "utf-8 iso8859-1 iso8859-2 iso8859-15 cp1250 cp1251 cp1252 koi8-r shift_jis euc_jp gb18030"
    " gb2312 gbk big5 euc_kr ascii".split()
)
_SPACES = re.compile(r"[ \t\n\xa0]+")


@dataclass(frozen=True, slots=True)
class _Block:
    """The block that text stands in."""

    place: int
    tag: str


def read_html(content: bytes) -> ReadText:
    """Return what is shown of a page, under its headings."""
    try:
        page = LexborHTMLParser(_characters(content))
    except SelectolaxError:  # it found no room for what it read
        raise Unreadable("reading the page takes more memory than is allowed") from None
    found = page.css_first("title")
    title = _SPACES.sub(" ", found.text()).strip() if found is not None else ""
    passages, path, said = [], Headings(), list[str]()
    for block, text in _blocks(page.body):
        if block not in _HEADINGS:
            said.append(text)
            continue
        if said:
            passages.append(Passage(heading=path.named, text="\n\n".join(said)))
            refuse_too_many(passages)
        path.enter(_HEADINGS[block], text)
        title, said = title or text, []
    passages.append(Passage(heading=path.named, text="\n\n".join(said)))
    return ReadText(title=cleaned(title), passages=[one for one in passages if one.text])


def _characters(content: bytes) -> str:
    declared = _DECLARED.search(content[:2_048])
    if declared is None:
        return decoded(content)
    try:
        encoding = codecs.lookup(declared.group(1).decode("ascii")).name
    except LookupError:
        encoding = ""
    if encoding not in _ENCODINGS:
        named = declared.group(1)[:30].decode("ascii", "replace")
        raise Unreadable(f"its encoding {named!r} is not supported; convert it to UTF-8")
    if encoding in {"utf-8", "ascii"}:
        return decoded(content)
    return cleaned(content.decode(encoding, "replace"))


def _blocks(body: LexborNode | None) -> Iterator[tuple[str, str]]:
    """Give the tag and the text of each block that holds text itself, in their order."""
    block, said = _Block(0, ""), list[str]()
    for stands_in, words in _pieces(body):
        if stands_in != block:
            yield from _text_of(block, said)
            block, said = stands_in, []
        said.append(words)
    yield from _text_of(block, said)


def _pieces(body: LexborNode | None) -> Iterator[tuple[_Block, str]]:
    """Give what is shown, piece by piece; however deep it is nested, nothing here recurs."""
    left = [] if body is None else [(body, _Block(0, "body"))]
    while left:
        node, block = left.pop()
        if node.is_text_node:
            yield block, node.text_content or ""
        elif node.tag == "br":
            yield block, "\n"
        elif node.is_element_node and not _is_unseen(node):
            tag = node.tag or ""
            if tag in {"td", "th"}:
                yield block, " | "
            inside = _Block(node.mem_id, tag) if tag in _BLOCKS else block
            left += [(child, inside) for child in reversed(list(node.iter(include_text=True)))]


def _is_unseen(node: LexborNode) -> bool:
    """What nobody sees may have been written for machines that read along."""
    if node.tag in _UNSEEN:
        return True
    said = node.attributes
    hidden = "hidden" in said or said.get("aria-hidden") == "true"
    return hidden or _HIDING.search(said.get("style") or "") is not None


def _text_of(block: _Block, said: list[str]) -> Iterator[tuple[str, str]]:
    whole = cleaned("".join(said))
    text = whole.strip("\n") if block.tag == "pre" else _SPACES.sub(" ", whole).strip(" |")
    if text.strip():
        yield block.tag, text
