"""A route as one record, at its handler: what may be asked, what may be answered, and by whom."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from api.http.queries import NoQuery

# What a key may do. Roles are sets of these: a viewer has every `:read`, a submitter also the
# `:submit` ones, an approver `:answer` and `:judge`, an operator `:control` and `:write`; only an
# administrator has `webhooks:secrets`.
Scope = Literal[
    "agents:read",
    "batches:control",
    "batches:read",
    "batches:submit",
    "dead_letters:control",
    "dead_letters:read",
    "doubts:judge",
    "doubts:read",
    "events:submit",
    "jobs:answer",
    "jobs:control",
    "jobs:read",
    "jobs:submit",
    "mcp_servers:read",
    "mcp_servers:write",
    "memories:read",
    "memories:write",
    "schedules:control",
    "schedules:read",
    "schedules:write",
    "sessions:read",
    "sessions:write",
    "tools:read",
    "triggers:read",
    "triggers:write",
    "webhooks:read",
    "webhooks:secrets",
    "webhooks:write",
]
JSON = "application/json"
_KEY = Annotated[str, Field(pattern="^[!#-~]{1,255}$")]
Endpoint = Callable[[Request], Awaitable[Response]]
Handler = TypeVar("Handler", bound=Callable[..., Awaitable[Response]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A reply that is not just JSON of one model; `model` is None where there is no body."""

    description: str
    model: object = None
    media: tuple[str, ...] = (JSON,)
    # Media types of the same reply that have another model.
    others: Mapping[str, object] = field(default_factory=dict)
    # A parameter of other operations that is this reply's `id`, and the names of those operations.
    links: tuple[str, tuple[str, ...]] = ("", ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    name: str
    description: str
    kind: object = str


@dataclass(frozen=True, slots=True)
class Room:
    """Routes under one path, and the scopes that they need unless they say another."""

    path: str
    reads: Scope | None = None
    writes: Scope | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """A route; `@Route(…)` above a method makes that method its handler.

    `at` is its method and its path in the room; `problems` are codes that do not follow from its
    path, its query, its body or its key.
    """

    room: Room
    at: str
    name: str
    replies: Mapping[int, object]
    problems: tuple[str, ...] = ()
    scope: Scope | None = None
    query: type[BaseModel] = NoQuery
    body: object = None
    optional_body: object = None
    # Bodies of other media types.
    bodies: Mapping[str, object] = field(default_factory=dict)
    # What the same idempotency key with the same body does, where a key is taken.
    key: str = ""
    headers: tuple[Header, ...] = ()

    def __call__(self, handler: Handler) -> Handler:
        vars(handler).setdefault("routes", []).insert(0, self)
        return handler

    @property
    def method(self) -> str:
        return self.at.partition(" ")[0]

    @property
    def path(self) -> str:
        return self.room.path + self.at.partition(" ")[2]

    @property
    def needs(self) -> Scope | None:
        return self.scope or (self.room.reads if self.method == "GET" else self.room.writes)

    @property
    def content(self) -> Mapping[str, object]:
        """Its bodies by their media types."""
        whole = self.body or self.optional_body
        return ({JSON: whole} if whole else {}) | dict(self.bodies)

    @property
    def told_in(self) -> tuple[Header, ...]:
        """Its headers, that of the idempotency key included."""
        told = f"The same key with the same body {self.key}."
        key = Header(name="Idempotency-Key", description=told, kind=_KEY)
        return (key, *self.headers) if self.key else self.headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """A route with the method that handles it."""

    route: Route
    owner: type
    handler: str

    @property
    def description(self) -> str:
        return getattr(self.owner, self.handler).__doc__ or ""


def routes_of(owner: type) -> Iterator[Handled]:
    """Yield the routes of a class in the order of its methods."""
    for name, member in vars(owner).items():
        for route in getattr(member, "routes", ()):
            yield Handled(route=route, owner=owner, handler=name)


IF_NONE_MATCH = Header(name="If-None-Match", description="The `etag` of the copy that you have.")
