"""Holds every reply that a test gets against the OpenAPI document, and keeps which were seen."""

import json
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.openapi import OF_THE_SERVER
from api.routes import described

_PROBLEM = "application/problem+json"
_JSON = {"application/json", _PROBLEM}
# Tests of one route see these for all: the door and the reading of bodies and queries are shared.
_SHARED = {"400", "401", "413", "415", "422", "503"}
# Why no test of the API over HTTP sees the rest.
NEVER_SEEN = {
    "cancelBatch 202": "needs a step that runs while its batch is canceled",
    "addMessage 404": "a session begins with its first message",
    "submitJob 404": "the job of an idempotency key, deleted between two statements",
    "submitJob 500": "a database that refuses a sound job",
    "takeEvents 429": "as in submitJob, whose budget is tested",
    "takeEvents 500": "a database that refuses sound events",
    "replayDeadLetter 429": "as in takeEvents",
    "replayDeadLetter 500": "as in takeEvents",
    **dict.fromkeys(
        [
            *("createBatch 409", "createSchedule 409", "triggerSchedule 409"),
            *("takeEvents 409", "replayDeadLetter 409"),
        ],
        "two requests with one key at the same moment",
    ),
    **dict.fromkeys(
        [
            *("refreshMcpServer 409", "replayWebhookDelivery 409", "changeTrigger 409"),
            *("changeSchedule 409", "pauseSchedule 409", "resumeSchedule 409"),
        ],
        "tested where the rows are, in tests/integration/state",
    ),
}
# Any: JSON.
Schema = dict[str, Any]


def strict(node: Any) -> Any:
    """Return a schema that refuses what it does not name: a reply must not have more."""
    if isinstance(node, list):
        return [strict(one) for one in node]
    if not isinstance(node, dict):
        return node
    made = {name: strict(value) for name, value in node.items()}
    is_object = made.get("type") == "object" and isinstance(made.get("properties"), dict)
    return {"additionalProperties": False} | made if is_object else made


@dataclass(frozen=True, slots=True)
class Contract:
    """The document, the replies that were seen, and what was wrong with them."""

    document: Schema = field(default_factory=lambda: json.loads(described()))
    seen: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    _validators: dict[str, Any] = field(default_factory=dict)

    def wanted(self) -> set[str]:
        """Return the replies that some test has to see."""
        return {
            f"{operation['operationId']} {status}"
            for operations in self.document["paths"].values()
            for operation in operations.values()
            for status in set(operation["responses"]) - _SHARED
        }

    def hold(self, scope: Scope, status: int, media: str, body: bytes) -> None:
        code = json.loads(body)["code"] if media == _PROBLEM else ""
        operation = self._operation(scope)
        if operation is None or code in {*OF_THE_SERVER, "method_not_allowed"}:
            self._check("Problem", {"$ref": "#/components/schemas/Problem"}, body)
            return
        name = operation["operationId"]
        self.seen.add(f"{name} {status}")
        told = operation["responses"].get(str(status))
        if told is None or (code and code not in operation["x-problems"]):
            self.wrong.append(f"{name}: {status} {code} is not described: {body[:200]!r}")
            return
        content = told.get("content", {})
        if (media in content) is not bool(media):
            self.wrong.append(f"{name}: {status} is {media!r}, not one of {list(content)}")
        elif media in _JSON:
            self._check(f"{name} {status} {media}", content[media]["schema"], body)

    def _operation(self, scope: Scope) -> Schema | None:
        """Return what was asked for; a path that leads nowhere has no route."""
        route = scope.get("route")
        if route is None:
            return None
        found: Schema | None = self.document["paths"][route.path_format].get(
            scope["method"].lower()
        )
        return found

    def _check(self, name: str, schema: Schema, body: bytes) -> None:
        if name not in self._validators:
            whole = schema | {"components": strict(self.document["components"])}
            self._validators[name] = Draft202012Validator(whole)
        for error in self._validators[name].iter_errors(json.loads(body)):
            self.wrong.append(f"{name}: {list(error.absolute_path)}: {error.message[:300]}")


class Observing:
    """Stands before the API and holds what it replies."""

    def __init__(self, app: ASGIApp, *, contract: Contract) -> None:
        self._app = app
        self._contract = contract

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun: list[Message] = []
        parts: list[bytes] = []
        ended: list[bool] = []

        async def kept(message: Message) -> None:
            if message["type"] == "http.response.start":
                begun.append(message)
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))
                ended.append(not message.get("more_body"))
            await send(message)

        await self._app(scope, receive, kept)
        if scope["type"] == "http" and begun and any(ended):
            headers = dict(begun[0]["headers"])
            media = headers.get(b"content-type", b"").decode().partition(";")[0]
            self._contract.hold(scope, begun[0]["status"], media, b"".join(parts))


CONTRACT = Contract()
