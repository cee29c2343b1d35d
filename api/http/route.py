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
# What a key that came before may lead to.
KEY_PROBLEMS = ("idempotency_key_in_flight", "idempotency_key_reused")
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
class Route:
    """A route; `@Route(…)` above a method makes that method its handler.

    `at` is its method and path; `problems` are codes that do not follow from its path or body.
    """

    at: str
    name: str
    scope: Scope | None
    replies: Mapping[int, object]
    # The codes of its own; those that every route shares are not repeated.
    problems: tuple[str, ...] = ()
    query: type[BaseModel] = NoQuery
    body: object = None
    # Its bodies of other media types.
    bodies: Mapping[str, object] = field(default_factory=dict)
    body_may_be_missing: bool = False
    headers: tuple[Header, ...] = ()

    def __call__(self, handler: Handler) -> Handler:
        vars(handler).setdefault("routes", []).insert(0, self)
        return handler

    @property
    def method(self) -> str:
        return self.at.partition(" ")[0]

    @property
    def template(self) -> str:
        return self.at.partition(" ")[2]


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


_KEY = Annotated[str, Field(pattern="^[!#-~]{1,255}$")]
IF_NONE_MATCH = Header(name="If-None-Match", description="The `etag` of the copy that you have.")


def idempotency_key(does: str) -> Header:
    return Header(
        name="Idempotency-Key", description=f"The same key with the same body {does}.", kind=_KEY
    )
