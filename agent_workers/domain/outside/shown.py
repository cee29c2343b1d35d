"""An HTTP answer as a tool's result: text where it is text, and what a planner needs beside it."""

import base64
import json
import re
from dataclasses import dataclass

from agent_workers.domain.outside.http import HttpAnswer
from agent_workers.domain.text.encoding import MOST_BYTES

# What a step keeps of a result is bounded; beyond that it would keep no more than its beginning.
_MOST_WRITTEN = MOST_BYTES - 20_000
_MOST_RAW = _MOST_WRITTEN // 4 * 3
# Python knows more encodings than these, and some of them take minutes to read a megabyte.
_CHARSETS = frozenset(
    "utf-8 utf8 us-ascii ascii iso-8859-1 latin-1 latin1 iso-8859-2 iso-8859-15 windows-1250"
    " windows-1251 windows-1252 windows-1253 windows-1254 windows-1256 koi8-r koi8-u shift_jis"
    " euc-jp euc-kr gb2312 gbk gb18030 big5 utf-16 utf-16le utf-16be".split()
)
_CHARSET = re.compile(r"charset\s*=\s*\"?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_TEXTS = re.compile(
    r"text/|application/(?:json|xml|javascript|yaml|x-www-form-urlencoded|x-ndjson)|\S+\+(?:json|xml)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResult:
    """`text` or `base64` holds the body; `truncated`: there was more of it."""

    url: str
    status: int
    content_type: str = ""
    location: str = ""
    text: str | None = None
    base64: str | None = None
    truncated: bool = False


def shown(answer: HttpAnswer) -> HttpResult:
    content_type = answer.headers.get("content-type", "")[:200]
    text = None if "content-encoding" in answer.headers else _text(answer.body, content_type)
    fitting = None if text is None else _fitting(text)
    raw = answer.body[:_MOST_RAW]
    is_whole = len(raw) == len(answer.body) if fitting is None else fitting == text
    return HttpResult(
        url=answer.url,
        status=answer.status,
        content_type=content_type,
        location=answer.headers.get("location", ""),
        text=fitting,
        base64=base64.b64encode(raw).decode("ascii") if fitting is None else None,
        truncated=answer.cut or answer.broken or not is_whole,
    )


def one_line(said: str) -> str:
    """What others said, for a message of ours: a terminal would follow its control characters."""
    return " ".join("".join(one if one.isprintable() else " " for one in said).split())


def _fitting(text: str) -> str:
    """Cut a text that would be too long as JSON, where one character may take six."""
    while (length := len(json.dumps(text))) > _MOST_WRITTEN:
        text = text[: len(text) * _MOST_WRITTEN // length - 1]
    return text


def _text(body: bytes, content_type: str) -> str | None:
    named = _CHARSET.search(content_type)
    charset = named.group(1).lower() if named else "utf-8"
    if content_type and not _TEXTS.match(content_type):
        return None
    if not content_type and b"\0" in body:
        return None
    text = body.decode(charset if charset in _CHARSETS else "utf-8", "replace")
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
