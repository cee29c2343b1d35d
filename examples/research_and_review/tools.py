"""What an author may use: notes to draw on, and a press that prints what a reviewer accepted."""

import json
import os
import re
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from agent_workers import Call, Effect, NotExecuted, ToolError, tool

NOTES = Path(__file__).parent / "notes"
_CREATED = 201


@tool(effect=Effect.PURE, timeout=timedelta(seconds=30))
def search_notes(question: str) -> dict[str, str]:
    """Find the note that fits a question best; cite it as [id]."""
    wanted = _words(question)
    notes = [(note.stem, note.read_text("utf-8")) for note in sorted(NOTES.glob("*.md"))]
    name, text = max(notes, key=lambda note: len(wanted & _words(note[1])))
    return {"id": name, "text": " ".join(text.split("\n", 1)[1].split())}


@tool(effect=Effect.KEYED, key_ttl=timedelta(hours=24), timeout=timedelta(seconds=30))
def print_article(article: str, *, call: Call) -> dict[str, object]:
    """Have an article printed, once."""
    place = urlsplit(os.environ.get("RESEARCH_AND_REVIEW_URL", "")).netloc
    if not place:
        raise NotExecuted("set RESEARCH_AND_REVIEW_URL to the URL of the press")
    connection = HTTPConnection(place, timeout=15)
    try:
        body = json.dumps({"article": article})
        connection.request("POST", "/editions", body, {"Idempotency-Key": call.key})
        response = connection.getresponse()
        answer: dict[str, object] = json.loads(response.read())
    finally:
        connection.close()
    if response.status != _CREATED:
        raise ToolError(f"the press answered {response.status}: {answer}")
    return {"edition": answer["edition"]}


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{4,}", text.lower()))
