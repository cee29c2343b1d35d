"""The words that the operations of the OpenAPI document are made of."""

from collections.abc import Mapping

from api.problems import CODES
from api.schema_words import Schema, reference, text

_PROBLEM = {"application/problem+json": {"schema": reference("Problem")}}
_WITH_KEY = (401,)
# From `next_cursor` of the page before; it is signed, so no other is taken.
CURSOR: Schema = {"type": "string", "pattern": "^[A-Za-z0-9_-]{48}$"}
BODY = (400, 413, 415, 422)


def operation(
    name: str,
    replies: Mapping[str, object],
    problems: tuple[int, ...],
    parameters: list[Schema],
    *,
    body: str = "",
) -> Schema:
    """Return an operation; a body whose name ends in `?` may be left out."""
    titles = dict(CODES.values())
    refused = {
        str(status): {"description": titles[status], "content": _PROBLEM}
        for status in sorted({*problems, *_WITH_KEY})
    }
    described: Schema = {
        "operationId": name,
        "parameters": parameters,
        "responses": {**replies, **refused},
    }
    if body:
        schema = {"schema": reference(body.removesuffix("?"))}
        required = not body.endswith("?")
        described["requestBody"] = {"required": required, "content": {"application/json": schema}}
    return described


def open_operation(name: str, replies: Mapping[str, object]) -> Schema:
    """Return an operation that needs no key."""
    return {"operationId": name, "responses": replies, "security": []}


def json_reply(name: str, description: str = "OK") -> Schema:
    return {
        "description": description,
        "content": {"application/json": {"schema": reference(name)}},
    }


def query(name: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "schema": schema}


def names_behind() -> list[Schema]:
    """A list in the order of its names: `after` is the `next_cursor` of the page before."""
    after = query("after", text())
    limit = {"type": "integer", "minimum": 1, "maximum": 1_000, "default": 100}
    return [after, query("limit", limit)]


def path(name: str, pattern: str) -> Schema:
    schema = {"type": "string", "pattern": pattern}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def header(name: str, description: str) -> Schema:
    schema = {"type": "string", "pattern": "^[!#-~]{1,255}$"}
    return {"name": name, "in": "header", "description": description, "schema": schema}
