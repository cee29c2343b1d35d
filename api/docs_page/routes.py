"""GET /docs: the API reference as a page that loads nothing from other hosts."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from api.http.replies import EmptyReply
from api.http.route import Reply, Room, Route
from api.problems import Problem

_AT = Room("")
_PAGE = Reply(model=str, description="HTML", media=("text/html",))
_PLACE = Path(__file__).parent
_VENDORED = _PLACE / "swagger-ui"
_HTML = "text/html; charset=utf-8"
_KINDS: Mapping[str, str] = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
# Swagger UI draws its arrows and locks as `data:` images. Its styles need no `unsafe-inline`.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    packed: bytes
    etag: str
    kind: str


class DocsPage:
    @Route(_AT, "GET /docs", "showDocs", {200: _PAGE})
    async def show(self, request: Request) -> Response:
        """This reference as a page for browsers."""
        return _reply(request, _read(_PLACE / "page.html", _HTML))


async def show_docs_file(request: Request) -> Response:
    name = request.path_params["name"]
    kind = _KINDS.get(name)
    if kind is None:
        raise Problem(code="not_found", detail="There is nothing at this path.")
    place = _PLACE if name.startswith("page.") else _VENDORED
    return _reply(request, _read(place / name, kind))


@cache
def _read(path: Path, kind: str) -> _File:
    """Return a file as it is sent; vendored ones are kept packed."""
    vendored = path.parent == _VENDORED
    packed = (
        path.with_name(f"{path.name}.gz").read_bytes()
        if vendored
        else gzip.compress(path.read_bytes(), mtime=0)
    )
    # Weak: the packed and the unpacked form have the same one.
    return _File(packed=packed, etag=f'W/"{hashlib.sha256(packed).hexdigest()[:32]}"', kind=kind)


def _reply(request: Request, file: _File) -> Response:
    headers = {
        "cache-control": "max-age=300",
        "etag": file.etag,
        "vary": "accept-encoding",
        "content-security-policy": _POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }
    if file.etag in request.headers.get("if-none-match", ""):
        raw = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
        return EmptyReply(304, headers=raw)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(
            file.packed, media_type=file.kind, headers=headers | {"content-encoding": "gzip"}
        )
    return Response(gzip.decompress(file.packed), media_type=file.kind, headers=headers)
