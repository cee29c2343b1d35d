"""What a caller may ask for in a body, validated once, with a pointer to each mistake."""

import math
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from agent_workers.domain.ids import JobId, from_wire
from agent_workers.domain.outside import Uncallable
from agent_workers.domain.webhook_url import target_of
from agent_workers.state.controls import GivenVerdict
from api.problems import MOST_MISTAKES, Mistake, Problem, invalid

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_AMOUNT = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
A_YEAR_S = 366 * 24 * 3600
# Names that stand in paths; users are named as their own system names them.
SESSION_FORM = r"^[A-Za-z0-9][A-Za-z0-9._:~@-]{0,199}$"
USER_FORM = r"^[!-~]{1,200}$"
MOST_USD = 999_999
# No model has so many; each that is unknown would be a mistake to tell of.
_MOST_MEMBERS = 64
Model = TypeVar("Model", bound=BaseModel)


def _wrong(message: str) -> PydanticCustomError:
    return PydanticCustomError("value", message)


def instant_asked(value: object) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise _wrong("must be an instant like 2030-01-31T12:00:00Z")
    return parsed_instant(value)


def parsed_instant(value: str) -> datetime:
    """Parse an instant; raises for one that the calendar does not have."""
    try:
        return datetime.fromisoformat(value.upper().replace(" ", "T")).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _wrong("is no instant that exists") from None


def _deadline(value: object) -> float | None:
    """A deadline is seconds from now, or an instant; one that has passed ends the job at once."""
    if isinstance(value, str):
        at = instant_asked(value)
        assert at is not None
        return max(0.0, (at - datetime.now(UTC)).total_seconds())
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong("must be an instant, or seconds from now")
    if not 0 <= value <= A_YEAR_S:
        raise _wrong("must lie at most a year ahead")
    return float(value)


def _micro_usd(value: object) -> int | None:
    """An allowance is rounded up to a millionth: a job is never given less than was said."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _wrong("must be an amount of dollars")
    if isinstance(value, str) and not _AMOUNT.fullmatch(value):
        raise _wrong("must be an amount like 0.25, to a millionth")
    micro = math.ceil(Decimal(str(value)) * 1_000_000)
    if not 0 < micro <= MOST_USD * 1_000_000:
        raise _wrong(f"must be more than 0 and at most {MOST_USD}")
    return micro


def _payload(value: object) -> object:
    if not isinstance(value, str | dict):
        raise _wrong("must be a string or an object")
    return value


def _job_id(value: object) -> JobId | None:
    if value is None:
        return None
    job_id = from_wire(value) if isinstance(value, str) else None
    if job_id is None:
        raise _wrong("must be the id of a job")
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


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class JobAsked(_Asked):
    agent: Annotated[str, Field(min_length=1, max_length=200)]
    # Any: the input is JSON of the caller's shape; `_payload` has looked at its type.
    input: Annotated[Any, BeforeValidator(_payload)]
    metadata: (
        Annotated[
            dict[
                Annotated[str, Field(min_length=1, max_length=64)],
                Annotated[str, Field(max_length=512)],
            ],
            Field(max_length=16),
        ]
        | None
    ) = None
    priority: Annotated[Whole, Field(ge=0, le=100)] | None = None
    run_at: Annotated[datetime | None, BeforeValidator(instant_asked)] = None
    delay: Annotated[float, Field(ge=0, le=A_YEAR_S)] | None = None
    deadline: Annotated[float | None, BeforeValidator(_deadline)] = None
    max_cost_usd: Annotated[int | None, BeforeValidator(_micro_usd)] = None
    max_steps: Annotated[Whole, Field(ge=1, le=100_000)] | None = None
    parent_job_id: Annotated[Any, BeforeValidator(_job_id)] = None
    callback_url: Annotated[str | None, BeforeValidator(_callable)] = None
    user_id: Annotated[str, Field(pattern=USER_FORM)] | None = None
    session_id: Annotated[str, Field(pattern=SESSION_FORM)] | None = None
    on_busy: Literal["queue", "reject", "interrupt"] | None = None


class CancelAsked(_Asked):
    reason: Annotated[str, Field(max_length=1_000)] = ""
    mode: Literal["graceful", "now"] = "graceful"


class PauseAsked(_Asked):
    reason: Annotated[str, Field(max_length=1_000)] = ""


class NothingAsked(_Asked):
    """A body that may be empty or `{}`."""


class VerdictAsked(_Asked):
    verdict: Annotated[GivenVerdict, Field(strict=False)]
    # Any: what the effect gave, as JSON of the tool's shape.
    result: Any = None
    reason: Annotated[str, Field(min_length=1, max_length=1_000)]


def validated(model: type[Model], value: object) -> Model:
    """Return the body as a value, or end the request with the first mistakes in it."""
    if isinstance(value, dict) and len(value) > _MOST_MEMBERS:
        raise invalid(f"the body has more than {_MOST_MEMBERS} members")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        mistakes = [
            Mistake(pointer=_pointer(one["loc"]), detail=one["msg"])
            for one in error.errors(include_url=False, include_input=False, include_context=False)
        ][:MOST_MISTAKES]
        first = mistakes[0]
        detail = f"{first.pointer or 'the body'}: {first.detail}"
        raise Problem(code="invalid_request", detail=detail, mistakes=mistakes) from None


def _pointer(place: tuple[int | str, ...]) -> str:
    # pydantic says `[key]` when the mistake is in the name of a member.
    names = [str(part) for part in place if part != "[key]"]
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)
