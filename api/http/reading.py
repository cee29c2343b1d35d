"""Reads a request's body: JSON only, strictly parsed, then validated once."""

from typing import TypeVar

from pydantic import BaseModel
from starlette.requests import Request

from agent_workers.domain.text.strict_json import parse
from api.http.asked import validated
from api.problems import Problem

Model = TypeVar("Model", bound=BaseModel)


async def read_json(request: Request) -> object:
    """Return the body as parsed JSON."""
    kind = request.headers.get("content-type", "")
    if kind != "application/json" and not _is_json(kind):
        raise Problem(
            code="unsupported_media_type",
            detail=f"Send `content-type: application/json`, not {kind[:100]!r}.",
            headers={"accept-post": "application/json"},
        )
    return parse(await request.body())


async def read_optional(request: Request, model: type[Model]) -> Model:
    """Return a validated body; none at all counts as an empty object."""
    if not await request.body():
        return validated(model, {})
    return validated(model, await read_json(request))


def _is_json(kind: str) -> bool:
    media, _, parameters = kind.partition(";")
    named = [one.strip().lower() for one in parameters.split(";") if one.strip()]
    return media.strip().lower() == "application/json" and all(
        one.replace('"', "") == "charset=utf-8" for one in named if one.startswith("charset")
    )
