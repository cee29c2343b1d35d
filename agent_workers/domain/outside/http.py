"""HTTP as tools see it: a request, an answer of bounded size, and what it means when none comes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from agent_workers.domain.errors import FacilityAway, FacilityError
from agent_workers.domain.tools.facility import Facility

MOST_BYTES = 1_000_000
WITHIN = timedelta(seconds=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """What came back. `cut`: there was more than was asked for; `broken`: it ended too early."""

    url: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: bool = False
    broken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpBounds:
    """What one call may do: only these hosts (none: whichever the installation allows), and so on."""

    hosts: Sequence[str] = ()
    redirects: int = 0
    most_bytes: int = MOST_BYTES
    within: timedelta = WITHIN
    # What else is said may be unreadable, and is not waited for long.
    status_decides: bool = False
    secret: bool = False  # it goes over TLS, or to addresses that the installation calls its own


class Http(Facility, Protocol):
    """Calls hosts outside, never where the installation does not allow it."""

    def __call__(self, request: HttpRequest, bounds: HttpBounds) -> HttpAnswer: ...


# These are no outages of the tool: the next call may go to quite another host.
class NotCallable(FacilityError):
    """The request may not be sent, or cannot be: it never will be."""

    code = "refused"


class NotSent(FacilityAway):
    """Nothing of the request has left us; whether the tool did anything else is for it to say."""


class NoAnswer(FacilityAway):
    """The request was sent, and nothing came back that says what became of it."""
