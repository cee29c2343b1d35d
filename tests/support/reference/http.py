"""docs/reference/http.md: every route and schema, from the OpenAPI document that the API serves."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from api.routes import described
from tests.support.reference.markdown import code, page, table

INTRODUCTION = """\
Every route and every schema of the API, made from the document that it serves as `/openapi.json`.
[The HTTP API](../api.md) explains how the routes behave: keys, idempotency, waiting, pages, outages.
A problem is `application/problem+json`; [errors](../errors.md) has the codes."""
_METHODS = ("get", "post", "put", "patch", "delete")
_PROBLEM = "Problem"
# Any: what JSON may be.
Node = Mapping[str, Any]


def http() -> str:
    """Return the page as it should be."""
    told: Node = json.loads(described())
    routes = (
        part
        for path, operations in told["paths"].items()
        for method in _METHODS
        if method in operations
        for part in _route(method, path, operations[method])
    )
    schemas = (
        part
        for name, schema in told["components"]["schemas"].items()
        for part in _schema(name, schema)
    )
    return page("The routes of the API", INTRODUCTION, "## Routes", *routes, "## Schemas", *schemas)


def _route(method: str, path: str, operation: Node) -> Iterator[str]:
    yield f"### {method.upper()} {path}"
    yield operation.get("description") or operation.get("summary", "")
    if body := operation.get("requestBody"):
        kinds = (
            f"{_kind(one.get('schema', {}))} as `{name}`" for name, one in body["content"].items()
        )
        yield f"Body: {' or '.join(kinds)}."
    yield table(
        ("parameter", "in", "type", "meaning"),
        (
            (
                code(one["name"]) + (" (required)" if one.get("required") else ""),
                one["in"],
                _kind(one.get("schema", {})),
                one.get("description", ""),
            )
            for one in operation.get("parameters", ())
        ),
    )
    yield table(
        ("status", "content", "meaning"),
        (
            (status, _content(reply), reply.get("description", ""))
            for status, reply in operation["responses"].items()
        ),
    )


def _content(reply: Node) -> str:
    return ", ".join(
        _kind(one.get("schema", {})) or code(name) for name, one in reply.get("content", {}).items()
    )


def _schema(name: str, schema: Node) -> Iterator[str]:
    yield f"### {name}"
    yield schema.get("description", "")
    needed = schema.get("required", ())
    if members := schema.get("properties"):
        yield table(
            ("member", "type", "meaning"),
            (
                (
                    code(member) + ("" if member in needed else " (optional)"),
                    _kind(one),
                    one.get("description", ""),
                )
                for member, one in members.items()
            ),
        )
    elif kind := _kind(schema):
        yield f"{kind[0].upper()}{kind[1:]}."


def _kind(schema: Node) -> str:
    """Return in words what a value may be."""
    match schema:
        case {"$ref": str(where)}:
            name = where.rpartition("/")[2]
            return f"[{name}](#{name.lower()})"
        case {"const": value}:
            return code(_json(value))
        case {"enum": [*values]}:
            return " ".join(code(_json(one)) for one in values)
        case {"anyOf": [*kinds]} | {"oneOf": [*kinds]} | {"allOf": [*kinds]}:
            return " or ".join(dict.fromkeys(filter(None, map(_kind, kinds))))
        case _:
            return _by_type(schema)


def _by_type(schema: Node) -> str:
    match schema.get("type"):
        case "array":
            return f"array of {_kind(schema.get('items', {})) or 'values'}"
        case "object" if members := schema.get("properties"):
            return f"object with {', '.join(code(one) for one in members)}"
        case [*kinds]:
            return " or ".join(kinds)
        case str(kind):
            return f"{kind}{_limits(schema)}"
        case _:
            return ""


def _limits(schema: Node) -> str:
    said = [str(schema["format"])] if "format" in schema else []
    for least, most, unit in (
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
    ):
        if schema.get(most) is not None:
            said.append(f"{schema.get(least, 0):,} to {schema[most]:,}{unit}")
        elif schema.get(least):
            said.append(f"at least {schema[least]:,}{unit}")
    return f" ({', '.join(said)})" if said else ""


def _json(value: object) -> str:
    return (
        "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    )
