"""The writers' tools: sources are found and read, a report is put together and published."""

import json
import os
import re
import time
from collections.abc import Sequence
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from agent_workers import Call, Effect, NotExecuted, ToolError, tool

SOURCES = Path(__file__).parent / "sources"
MOST_SOURCES = 2
# A real source is far away; here it is only slow, so that there is a middle to kill in.
SLOWNESS_S = 0.3
_CREATED = 201
_CITED = re.compile(r"\[(\w+)\]")


@tool(effect=Effect.PURE, timeout=timedelta(seconds=30))
def find_sources(topic: str) -> list[dict[str, str]]:
    """Find the sources that fit a topic best."""
    wanted = _words(topic)
    found = [(page.stem, page.read_text("utf-8")) for page in sorted(SOURCES.glob("*.md"))]
    found.sort(key=lambda source: -len(wanted & _words(source[1])))
    return [{"id": name, "title": _title(text)} for name, text in found[:MOST_SOURCES]]


@tool(effect=Effect.PURE, timeout=timedelta(seconds=30))
def read_source(id: str) -> dict[str, str]:  # noqa: A002 (what models call it everywhere)
    """Read one source."""
    time.sleep(SLOWNESS_S)
    if id not in _known():
        raise ToolError(f"there is no source {id!r}, only {', '.join(sorted(_known()))}")
    text = (SOURCES / f"{id}.md").read_text("utf-8")
    return {"id": id, "title": _title(text), "text": " ".join(text.split("\n", 1)[1].split())}


@tool(effect=Effect.PURE, timeout=timedelta(seconds=30))
def compose(title: str, topics: list[str], findings: list[str]) -> str:
    """Put the findings together as a Markdown report that ends with the sources it cites."""
    sections = [f"## {topic}\n\n{text}" for topic, text in zip(topics, findings, strict=True)]
    cited = cited_in("\n".join(findings))
    sources = [
        f"- [{name}] {_title((SOURCES / f'{name}.md').read_text('utf-8'))}" for name in cited
    ]
    return "\n\n".join((f"# {title}", *sections, "## Sources", "\n".join(sources)))


@tool(effect=Effect.KEYED, key_ttl=timedelta(hours=24), timeout=timedelta(seconds=30))
def publish(report: str, *, call: Call) -> dict[str, object]:
    """Put a report online, once."""
    place = urlsplit(os.environ.get("REPORT_WRITER_URL", "")).netloc
    if not place:
        raise NotExecuted("set REPORT_WRITER_URL to the URL of the site")
    connection = HTTPConnection(place, timeout=15)
    try:
        body = json.dumps({"report": report})
        connection.request("POST", "/pages", body, {"Idempotency-Key": call.key})
        response = connection.getresponse()
        answer: dict[str, object] = json.loads(response.read())
    finally:
        connection.close()
    if response.status != _CREATED:
        raise ToolError(f"the site answered {response.status}: {answer}")
    return {"page": answer["page"]}


def cited_in(text: str) -> Sequence[str]:
    """Return the sources that a text cites as [id], each once."""
    return sorted(set(_CITED.findall(text)) & _known())


def _known() -> set[str]:
    return {page.stem for page in SOURCES.glob("*.md")}


def _title(text: str) -> str:
    return text.partition("\n")[0].removeprefix("# ")


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{4,}", text.lower()))
