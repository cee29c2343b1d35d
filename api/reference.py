"""GET /openapi.json and /errors: what this API is asked with, what it answers, and what its errors mean."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from api.http.replies import JsonReply
from api.http.route import Reply, Room, Route
from api.http.shapes import Anything
from api.problems import CODES
from api.process.threads import Threads

_AT = Room("")

_ITSELF = Reply(model=Anything, description="This document")
_PAGE = Reply(model=str, description="HTML", media=("text/html",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """`document` is kept by whoever gives it: making it takes a moment."""

    document: Callable[[], bytes]
    threads: Threads

    @Route(_AT, "GET /openapi.json", "describe", {200: _ITSELF})
    async def describe(self, _: Request) -> Response:
        """This document, as OpenAPI 3.1."""
        body = await self.threads.run(self.document)
        return JsonReply(body, headers=[(b"cache-control", b"max-age=300")])

    @Route(_AT, "GET /errors", "explainErrors", {200: _PAGE})
    async def explain_errors(self, _: Request) -> Response:
        """The page that the `type` of every problem leads to."""
        rows = "".join(
            f'<tr id="{code}"><td><code>{code}</code></td><td>{status}</td><td>{title}</td></tr>'
            for code, (status, title) in CODES.items()
        )
        head = "<!doctype html><title>Errors</title><h1>Errors</h1>"
        columns = "<tr><th>code</th><th>status</th><th>meaning</th></tr>"
        return HTMLResponse(f"{head}<table>{columns}{rows}</table>")
