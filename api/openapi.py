"""The OpenAPI document, generated from the records of the routes and the models that they name."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from inspect import cleandoc
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import DefsRef, GenerateJsonSchema, JsonSchemaMode
from pydantic_core import CoreSchema, core_schema
from typing_extensions import override

from api.http.paths import parameters_of
from api.http.route import Handled, Reply, Route, routes_of
from api.http.shapes import Schema, without_null
from api.problems import CODES, MEDIA_TYPE, ProblemDetails

_REFERENCE = "#/components/schemas/{model}"
# NUL is refused in all text: Postgres cannot keep it.
_WITHOUT_NUL = r"^[^\x00]*$"
# As pydantic writes them where a validator comes before.
_BOUNDS = {"ge": "minimum", "le": "maximum"}
_IN_WORDS = {200: "OK", 201: "Created", 202: "Accepted", 204: "Done"}
_OF_CALLERS = ("missing_key", "invalid_key", "invalid_request", "state_unavailable")
_OF_KEYS = ("idempotency_key_in_flight", "idempotency_key_reused")
_OF_BODIES = ("malformed_json", "body_too_large", "unsupported_media_type", "trailers_not_taken")
# What a server may answer to whatever it is asked.
OF_THE_SERVER = (
    *("request_timeout", "too_many_requests", "head_too_large", "internal_error"),
    *("too_many_connections", "stopping"),
)
_INFO = {
    "title": "agent-workers",
    "version": "1",
    "description": (
        "Durable agent jobs: submitted once, done once, observable throughout. Besides its own"
        " problems, each operation may answer "
        + ", ".join(f"`{code}`" for code in OF_THE_SERVER)
        + "."
    ),
}


def document(owners: Iterable[type]) -> Schema:
    """Return the document of the routes of these classes, as OpenAPI 3.1."""
    handled = [one for owner in owners for one in routes_of(owner)]
    models = _Models(ProblemDetails, *(model for one in handled for model in _models(one.route)))
    paths: dict[str, Schema] = {}
    for one in handled:
        path = re.sub(r":\w+}", "}", one.route.path)
        paths.setdefault(path, {})[one.route.method.lower()] = _operation(one, models)
    whole = {
        "openapi": "3.1.0",
        "info": _INFO,
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"key": []}],
        "paths": paths,
        "components": {
            "schemas": models.named_in(paths),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
    }
    return _plain(whole)  # type: ignore[no-any-return]


def problems_of(route: Route) -> Sequence[str]:
    """Return the codes of the problems that a route may answer, those of servers left out."""
    if route.needs is None:
        return route.problems
    following = (
        *_OF_CALLERS,
        *(one.missing for one in parameters_of(route.path)),
        *(("invalid_cursor",) if "cursor" in route.query.model_fields else ()),
        *(_OF_BODIES if route.content else ()),
        *(_OF_KEYS if route.key else ()),
    )
    return tuple(dict.fromkeys((*following, *route.problems)))


class _Models:
    """The schemas of all models that the routes name."""

    def __init__(self, *models: Any) -> None:  # noqa: ANN401 (types)
        self._numbers = {id(model): str(number) for number, model in enumerate(models)}
        # Each is kept, or another could come to have its id.
        self._kept = models
        asked: list[tuple[str, JsonSchemaMode, CoreSchema]] = [
            (self._numbers[id(model)], "validation", TypeAdapter(model).core_schema)
            for model in models
        ]
        generator = _Generator(ref_template=_REFERENCE)
        self._found, self._components = generator.generate_definitions(asked)

    def of(self, model: object) -> Schema:
        return dict(self._found[(self._numbers[id(model)], "validation")])

    def members(self, model: object) -> Schema:
        """Return the schema of a query, whose members are parameters."""
        return self._components[DefsRef(_name_of(self.of(model)["$ref"]))]

    def named_in(self, paths: object) -> Mapping[str, Schema]:
        """Return the schemas that paths refer to, and those that these refer to."""
        found: dict[str, Schema] = {}
        asked = set(_references(paths))
        while asked:
            found |= {name: self._components[DefsRef(name)] for name in asked}
            asked = {other for name in asked for other in _references(found[name])} - set(found)
        return dict(sorted(found.items()))


class _Generator(GenerateJsonSchema):
    """Writes JSON Schema as this API means it."""

    _asked = False

    @override
    def normalize_name(self, name: str) -> str:
        return re.sub("(Reply|Details)$", "", super().normalize_name(name))

    @override
    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    @override
    def model_schema(self, schema: core_schema.ModelSchema) -> Schema:
        """Bodies and queries are models, and replies are not: what callers send is checked."""
        before, self._asked = self._asked, True
        try:
            return super().model_schema(schema)
        finally:
            self._asked = before

    @override
    def str_schema(self, schema: core_schema.StringSchema) -> Schema:
        made = super().str_schema(schema)
        return {"pattern": _WITHOUT_NUL} | made if self._asked else made

    @override
    def dict_schema(self, schema: core_schema.DictSchema) -> Schema:
        made = super().dict_schema(schema)
        for form, values in made.pop("patternProperties", {}).items():
            names = made.get("propertyNames", {"type": "string"})
            made |= {"propertyNames": names | {"pattern": form}, "additionalProperties": values}
        return made


def _models(route: Route) -> Iterable[object]:
    yield route.query
    yield from route.content.values()
    yield from (one.kind for one in parameters_of(route.path))
    yield from (header.kind for header in route.told_in)
    for reply in map(_reply_of, route.replies.values()):
        if reply.model is not None:
            yield reply.model
        yield from reply.others.values()


def _operation(one: Handled, models: _Models) -> Schema:
    route, codes = one.route, problems_of(one.route)
    described: Schema = {
        "operationId": route.name,
        "summary": _summary(route.name),
        "description": cleandoc(one.description),
        "tags": [route.needs.partition(":")[0] if route.needs else "server"],
        "parameters": _parameters(route, models),
        "responses": {
            **{str(status): _reply(status, r, models) for status, r in route.replies.items()},
            **_problems(codes, models),
        },
        "x-problems": sorted(codes),
    }
    if route.needs is None:
        described["security"] = []
    else:
        described["x-scope"] = route.needs
    content = {media: {"schema": models.of(model)} for media, model in route.content.items()}
    if content:
        required = route.optional_body is None
        described["requestBody"] = {"required": required, "content": content}
    return described


def _summary(name: str) -> str:
    words = re.sub("([A-Z])", r" \1", name).lower()
    return words[:1].upper() + words[1:]


def _parameters(route: Route, models: _Models) -> list[Schema]:
    found: list[Schema] = [
        {"name": one.name, "in": "path", "required": True, "schema": models.of(one.kind)}
        for one in parameters_of(route.path)
    ]
    query = models.members(route.query)
    needed = query.get("required", ())
    for name, schema in query.get("properties", {}).items():
        found.append(_query_parameter(name, without_null(schema), is_needed=name in needed))
    for header in route.told_in:
        told = {"name": header.name, "in": "header", "description": header.description}
        found.append(told | {"schema": models.of(header.kind)})
    return found


def _query_parameter(name: str, schema: Schema, *, is_needed: bool) -> Schema:
    described: Schema = {"name": name, "in": "query", "schema": schema}
    if schema.get("type") == "object":
        described |= {"style": "deepObject", "explode": True}
    if "description" in schema:
        described["description"] = schema.pop("description")
    return described | ({"required": True} if is_needed else {})


def _reply_of(reply: object) -> Reply:
    """Return a reply that is just a model or a description as the record that it stands for."""
    match reply:
        case Reply():
            return reply
        case str():
            return Reply(description=reply)
        case _:
            return Reply(description="", model=reply)


def _reply(status: int, given: object, models: _Models) -> Schema:
    reply = _reply_of(given)
    described: Schema = {"description": reply.description or _IN_WORDS[status]}
    media = {one: reply.model for one in reply.media if reply.model is not None}
    content = {
        one: {"schema": models.of(model)} for one, model in (media | dict(reply.others)).items()
    }
    if content:
        described["content"] = content
    parameter, names = reply.links
    if names:
        there = {parameter: "$response.body#/id"}
        described["links"] = {name: {"operationId": name, "parameters": there} for name in names}
    return described


def _problems(codes: Sequence[str], models: _Models) -> Schema:
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes):
        by_status.setdefault(CODES[code][0], []).append(code)
    content = {MEDIA_TYPE.decode(): {"schema": models.of(ProblemDetails)}}
    return {
        str(status): {
            "description": "; ".join(f"{CODES[code][1]} (`{code}`)" for code in of_it),
            "content": content,
        }
        for status, of_it in sorted(by_status.items())
    }


def _references(node: object) -> Iterator[str]:
    match node:
        case dict():
            if isinstance(reference := node.get("$ref"), str):
                yield _name_of(reference)
            yield from (name for value in node.values() for name in _references(value))
        case list():
            yield from (name for value in node for name in _references(value))
        case _:
            return


def _name_of(reference: str) -> str:
    return reference.rpartition("/")[2]


def _plain(node: Any) -> Any:  # noqa: ANN401 (JSON)
    """Leave out what pydantic adds and says nothing, and say bounds in the words of JSON Schema."""
    match node:
        case dict():
            return {
                _BOUNDS.get(name, name): _plain(value)
                for name, value in node.items()
                if not (name == "default" and value is None)
                and not (name == "title" and isinstance(value, str) and node is not _INFO)
            }
        case list() | tuple():
            return [_plain(one) for one in node]
        case _:
            return node
