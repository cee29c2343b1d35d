"""An HTTP answer as a tool's result: text where it is text, and what a planner needs beside it."""

import base64
import re
from dataclasses import dataclass

from agent_workers.domain.outside_http import HttpAnswer

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
    return HttpResult(
        url=answer.url,
        status=answer.status,
        content_type=content_type,
        location=answer.headers.get("location", ""),
        text=text,
        base64=base64.b64encode(answer.body).decode("ascii") if text is None else None,
        truncated=answer.cut or answer.broken,
    )


def _text(body: bytes, content_type: str) -> str | None:
    named = _CHARSET.search(content_type)
    charset = named.group(1).lower() if named else "utf-8"
    if content_type and not _TEXTS.match(content_type):
        return None
    if not content_type and b"\0" in body:
        return None
    text = body.decode(charset if charset in _CHARSETS else "utf-8", "replace")
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
