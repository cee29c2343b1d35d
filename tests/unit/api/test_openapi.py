"""The OpenAPI document says exactly what there is."""

import json
from typing import Any

from fastapi.routing import APIRoute

from agent_workers.settings import Settings
from api.app import create_app
from api.problems import CODES
from api.routes import described

DOCUMENT: Any = json.loads(described())


def routes() -> set[tuple[str, str]]:
    app = create_app(
        Settings(
            database_url="postgresql://nobody@127.0.0.1:1/none",
            broker_url="redis://127.0.0.1:1/0",
            secret_pepper="a pepper for tests only",
        )
    )
    return {
        (method.lower(), route.path_format)
        for route in app.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }


def operations() -> dict[tuple[str, str], Any]:
    paths: Any = DOCUMENT["paths"]
    return {
        (method, path): operation
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


def test_every_route_is_described_and_nothing_else_is():
    assert set(operations()) == routes()


def test_every_operation_has_a_name_of_its_own():
    names = [operation["operationId"] for operation in operations().values()]
    assert len(set(names)) == len(names)


def test_every_schema_that_is_referred_to_is_there():
    components: Any = DOCUMENT["components"]
    known = set(components["schemas"])

    def named(node: object) -> set[str]:
        match node:
            case {"$ref": str(target)}:
                return {target.rpartition("/")[2]}
            case dict():
                return {name for item in node.values() for name in named(item)}
            case list():
                return {name for item in node for name in named(item)}
            case _:
                return set()

    used = named(DOCUMENT)
    assert used <= known
    assert known - used == set()


def test_every_path_parameter_is_described():
    for (_, path), operation in operations().items():
        parameters = operation.get("parameters", [])
        told = {one["name"] for one in parameters if one["in"] == "path"}
        assert told == {part[1:-1] for part in path.split("/") if part.startswith("{")}


def test_every_operation_of_a_caller_says_its_scope_and_its_problems():
    for (_, path), operation in operations().items():
        assert ("x-scope" in operation) == path.startswith("/v1/")
        assert set(operation["x-problems"]) <= set(CODES)
        told = {str(CODES[code][0]) for code in operation["x-problems"]}
        assert told <= set(operation["responses"])


def test_every_operation_is_described_by_its_handler():
    assert [name for name, operation in operations().items() if not operation["description"]] == []
