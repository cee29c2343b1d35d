"""What a caller may ask for in a body, validated once, with a pointer to each mistake."""

import math
import re
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

from agent_workers.domain.ids import JobId, from_wire
from agent_workers.domain.job import JobOptions
from agent_workers.domain.outside.reach import LONGEST_URL, Uncallable
from agent_workers.domain.webhooks.url import target_of
from agent_workers.state.jobs.controls import GivenVerdict
from api.http.forms import SESSION_FORM, USER_FORM
from api.http.json_text import dumped
from api.http.mistakes import mistake_of
from api.http.shapes import (
    AnyJobIdText,
    AnyJson,
    Body,
    Described,
    InstantText,
    JsonObject,
    Variant,
    variants,
)
from api.problems import MOST_MISTAKES, Mistake, Problem, invalid

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_AMOUNT = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
A_YEAR_S = 366 * 24 * 3600
MOST_USD = 999_999
# No model has so many; each that is unknown would be a mistake to tell of.
_MOST_MEMBERS = 64
# A job may start at once, also as seen by a caller whose clock is slow.
_GRACE = timedelta(minutes=1)
Model = TypeVar("Model", bound=BaseModel)


def _wrong(message: str) -> PydanticCustomError:
    return PydanticCustomError("value", message)


def instant_asked(value: object) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, str) and _INSTANT.fullmatch(f"{value}Z"):
        raise _wrong("must say its time zone, as 2030-01-31T12:00:00Z does")
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise _wrong("must be a time like 2030-01-31T12:00:00Z")
    return parsed_instant(value)


def parsed_instant(value: str) -> datetime:
    """Parse an instant; raises for one that the calendar does not have."""
    try:
        return datetime.fromisoformat(value.upper().replace(" ", "T")).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _wrong(f"{value[:40]!r} is not a time that exists") from None


def _deadline(value: object) -> float | None:
    """A deadline is seconds from now, or an instant: less than none where that has passed."""
    if isinstance(value, str):
        at = instant_asked(value)
        assert at is not None
        return (at - datetime.now(UTC)).total_seconds()
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong("must be a time like 2030-01-31T12:00:00Z, or a number of seconds from now")
    if value <= 0:
        raise _wrong(f"must be more than 0 seconds from now, not {value}")
    if value > A_YEAR_S:
        raise _wrong(f"must be at most a year ({A_YEAR_S} seconds) from now, not {value}")
    return float(value)


def _micro_usd(value: object) -> int | None:
    """An allowance is rounded up to a millionth: a job is never given less than was said."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _wrong("must be an amount of US dollars like 0.25")
    if isinstance(value, str) and not _AMOUNT.fullmatch(value):
        raise _wrong("must be an amount of US dollars like 0.25, with at most 6 decimals")
    micro = math.ceil(Decimal(str(value)) * 1_000_000)
    if not 0 < micro <= MOST_USD * 1_000_000:
        raise _wrong(f"must be more than 0 and at most {MOST_USD}, not {value}")
    return micro


def _payload(value: object) -> object:
    if not isinstance(value, str | dict):
        raise _wrong("must be text or an object")
    return value


def _job_id(value: object) -> JobId | None:
    if value is None:
        return None
    job_id = from_wire(value) if isinstance(value, str) else None
    if job_id is None:
        raise _wrong("must be the id of a job, like job_ and 32 hexadecimal digits")
    return job_id


def _callable(value: object) -> object:
    """Refuse what nobody could call; whether we may is asked where the settings are known."""
    if isinstance(value, str):
        try:
            target_of(value, allow_private=True)
        except Uncallable as error:
            raise _wrong(str(error)) from None
    return value


def _whole(value: object) -> object:
    """To JSON 5.0 is an integer like 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]
InstantAsked = Annotated[datetime, BeforeValidator(instant_asked), Described(InstantText)]
Seconds = Annotated[float, Field(gt=0, le=A_YEAR_S)]
# A type with a name, which generators of clients need for an object that several unions have.
Metadata = TypeAliasType(
    "Metadata",
    Annotated[
        dict[
            Annotated[str, Field(min_length=1, max_length=64)],
            Annotated[str, Field(max_length=512)],
        ],
        Field(max_length=16),
    ],
)
# The form of an amount that is more than nothing, and at most MOST_USD.
_AMOUNT_FORM = r"^(?=.*[1-9])([0-9]{1,5}|[1-8][0-9]{5})(\.[0-9]{1,6})?$"
_AmountText = Annotated[str, Field(json_schema_extra={"pattern": _AMOUNT_FORM})]
_AmountNumber = Annotated[float, Field(gt=0, le=MOST_USD)]
_UrlText = Annotated[str, Field(max_length=LONGEST_URL, json_schema_extra={"format": "uri"})]


class JobRequest(Body):
    agent: Annotated[str, Field(min_length=1, max_length=200)]
    # Any: the input is JSON of the caller's shape; `_payload` has looked at its type.
    input: Annotated[Any, BeforeValidator(_payload), Described(str | JsonObject)]
    metadata: Metadata | None = None
    priority: Annotated[Whole, Field(ge=0, le=100)] | None = None
    run_at: InstantAsked | None = None
    delay: Annotated[float, Field(ge=0, le=A_YEAR_S)] | None = None
    deadline: Annotated[
        float | None,
        BeforeValidator(_deadline),
        Described(InstantText | Seconds | None),
        Field(description="A time in the future, or seconds from now."),
    ] = None
    max_cost_usd: Annotated[
        int | None,
        BeforeValidator(_micro_usd),
        Described(_AmountText | _AmountNumber | None),
    ] = None
    max_steps: Annotated[Whole, Field(ge=1, le=100_000)] | None = None
    parent_job_id: Annotated[Any, BeforeValidator(_job_id), Described(AnyJobIdText | None)] = None
    callback_url: Annotated[str | None, BeforeValidator(_callable), Described(_UrlText | None)] = (
        None
    )
    user_id: Annotated[str, Field(pattern=USER_FORM)] | None = None
    session_id: Annotated[str, Field(pattern=SESSION_FORM)] | None = None
    on_busy: Literal["queue", "reject", "interrupt"] | None = None


_TAKEN_OVER = ("metadata", "callback_url", *(one.name for one in fields(JobOptions)))


def spec_members(asked: JobRequest) -> dict[str, Any]:
    """Return what describes the job, under the names of `JobSpec`; nothing where nothing was said."""
    said = {name: value for name in _TAKEN_OVER if (value := getattr(asked, name)) is not None}
    said |= {"agent": asked.agent, "input": dumped(asked.input)}
    if asked.deadline is not None:
        said["deadline"] = timedelta(seconds=max(0, asked.deadline))
    if asked.max_cost_usd is not None:
        said["max_cost_micro"] = asked.max_cost_usd
    return said


def passed_of(asked: JobRequest, now: datetime) -> Problem | None:
    """Return the problem of a job that should have started or ended before now."""
    at = {"run_at": asked.run_at}
    if asked.deadline is not None and asked.deadline <= 0:
        at["deadline"] = now + timedelta(seconds=asked.deadline)
    grace = {"run_at": _GRACE, "deadline": timedelta()}
    for name, when in at.items():
        if when is not None and when <= now - grace[name]:
            told = f"{_written(when)} has passed: it is {_written(now)} now"
            late = [Mistake(pointer=f"/{name}", detail=told)]
            return Problem(code="invalid_request", detail=in_one_line(late, of=1), mistakes=late)
    return None


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


class CancelRequest(Body):
    reason: Annotated[str, Field(max_length=1_000)] = ""
    mode: Literal["graceful", "now"] = "graceful"


class PauseRequest(Body):
    reason: Annotated[str, Field(max_length=1_000)] = ""


class EmptyRequest(Body):
    """A body that may be empty or `{}`."""


class VerdictRequest(Body):
    model_config = ConfigDict(
        json_schema_extra=variants(
            Variant(fixed={"verdict": ("happened",)}),
            Variant(fixed={"verdict": ("not_happened", "abandon")}, null=("result",)),
        )
    )

    verdict: Annotated[GivenVerdict, Field(strict=False)]
    # What the effect gave, as JSON of the tool's shape.
    result: AnyJson = None
    reason: Annotated[str, Field(min_length=1, max_length=1_000)]


def validated(model: type[Model], value: object) -> Model:
    """Return the body as a value, or end the request with the first mistakes in it."""
    if isinstance(value, dict) and len(value) > _MOST_MEMBERS:
        raise invalid(f"the body has more than {_MOST_MEMBERS} members")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        # An unknown member first: a name with a typo explains what is missing.
        found = sorted(
            error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden"
        )
        mistakes = [mistake_of(one, model) for one in found[:MOST_MISTAKES]]
        raise Problem(
            code="invalid_request", detail=in_one_line(mistakes, of=len(found)), mistakes=mistakes
        ) from None


def in_one_line(mistakes: Sequence[Mistake], *, of: int) -> str:
    """Tell the first mistake, and how many there are besides."""
    first = mistakes[0]
    told = f"{first.pointer}: {first.detail}" if first.pointer else first.detail
    return told if of == 1 else f"{told} (and {of - 1} more)"
