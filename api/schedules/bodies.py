"""What a caller may say of a schedule, checked, as its terms."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from agent_workers.domain.schedules.schedule import CatchUp, Overlap, ScheduleType
from agent_workers.domain.schedules.target import BatchTarget, JobTarget, Target
from agent_workers.domain.schedules.terms import ScheduleTerms
from api.batches.bodies import BatchRequest, BatchTemplate, items_of, terms_of
from api.http.asked import JobRequest, Metadata, Whole, instant_asked, spec_members, validated
from api.http.shapes import Body, Described, InstantText, Variant, like, types_of, variants
from api.problems import Mistake, Problem, invalid

LONGEST_INTERVAL_S = 366 * 86_400
LONGEST_WINDOW_S = 31 * 86_400
LONGEST_JITTER_S = 3_600
_DAY_S = 86_400
# A schedule says when its jobs begin, and they are nobody's children.
_NOT_OF_TARGETS = frozenset({"run_at", "delay", "parent_job_id", "on_busy"})
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _near(value: object) -> datetime | None:
    """Calendars are reliable for a while only."""
    at = instant_asked(value)
    if at is not None and not _EARLIEST <= at <= _LATEST:
        raise PydanticCustomError("value", "must be in the years 1970 to 2199")
    return at


_Instant = Annotated[datetime, BeforeValidator(_near), Described(InstantText)]
# Any: members of a job or a batch, which are validated as such.
Members = dict[str, Any]


# As it is shown: a job as a batch would start it.
ScheduledJob = like("ScheduledJob", types_of(BatchTemplate), required=("agent", "input"))


class ScheduledBatch(BatchRequest):
    """A batch with all its items: none can be uploaded later."""

    model_config = ConfigDict(
        json_schema_extra=variants(
            Variant(required=("jobs",), without=("items", "job_template"), filled=("jobs",)),
            Variant(required=("items", "job_template"), without=("jobs",), filled=("items",)),
        )
    )


class ScheduleTarget(Body):
    """A job template, or a batch."""

    model_config = ConfigDict(
        json_schema_extra=variants(
            Variant(required=("job",), without=("batch",)),
            Variant(required=("batch",), without=("job",)),
        )
    )

    job: Annotated[Members, Described(ScheduledJob)] | None = None
    batch: Annotated[Members, Described(ScheduledBatch)] | None = None


class ScheduleChangeRequest(Body):
    """What may change; the members of a new schedule are the same."""

    name: Annotated[str, Field(max_length=200)] = ""
    type: Annotated[ScheduleType, Field(strict=False)] = ScheduleType.CRON
    expression: (
        Annotated[
            str,
            Field(
                max_length=200,
                description="A cron expression of five fields: minute, hour, day of month, month,"
                " day of week.",
                examples=["30 2 * * *"],
            ),
        ]
        | None
    ) = None
    timezone: Annotated[
        str,
        Field(
            min_length=1,
            max_length=100,
            description="The IANA name of a time zone, like Europe/Berlin.",
            examples=["Europe/Berlin"],
        ),
    ] = "UTC"
    interval_s: Annotated[Whole, Field(ge=1, le=LONGEST_INTERVAL_S)] | None = None
    run_at: _Instant | None = None
    start_at: _Instant | None = None
    end_at: _Instant | None = None
    overlap: Annotated[Overlap, Field(strict=False)] = Overlap.SKIP
    catch_up: Annotated[CatchUp, Field(strict=False)] = CatchUp.LAST
    catch_up_window_s: Annotated[Whole, Field(ge=0, le=LONGEST_WINDOW_S)] = _DAY_S
    jitter_s: Annotated[Whole, Field(ge=0, le=LONGEST_JITTER_S)] = 0
    metadata: Metadata | None = None
    target: Annotated[ScheduleTarget | None, Described(ScheduleTarget)] = None


class ScheduleRequest(ScheduleChangeRequest):
    """When jobs or batches start by themselves: the type says by which of its members."""

    model_config = ConfigDict(
        json_schema_extra=variants(
            Variant(
                fixed={"type": ("cron",)},
                required=("expression", "timezone"),
                without=("interval_s", "run_at"),
            ),
            Variant(
                fixed={"type": ("interval",)},
                required=("interval_s",),
                without=("expression", "run_at"),
            ),
            Variant(
                fixed={"type": ("once",)},
                required=("run_at",),
                without=("expression", "interval_s"),
            ),
        )
    )

    type: Annotated[ScheduleType, Field(strict=False)]
    target: ScheduleTarget


class ScheduleTriggerRequest(Body):
    overlap: Annotated[Overlap, Field(strict=False)] | None = None


class BackfillRequest(Body):
    begin: _Instant
    end: _Instant


def terms_asked(asked: ScheduleRequest) -> ScheduleTerms:
    """Return the terms of a new schedule."""
    if asked.type is ScheduleType.CRON and "timezone" not in asked.model_fields_set:
        raise invalid("a cron schedule needs a time zone, like Europe/Berlin", pointer="/timezone")
    given = asked.model_dump(exclude={"target", "metadata"})
    terms = ScheduleTerms(**given, target=target_of(asked.target), metadata=asked.metadata or {})
    return _checked(terms)


def changed_terms(terms: ScheduleTerms, asked: ScheduleChangeRequest) -> ScheduleTerms:
    """Return the terms with what was said, and nothing else, changed."""
    said = asked.model_fields_set
    given = asked.model_dump(include=said - {"target", "metadata"})
    # What fires changes as a whole: another type takes none of the old one's members along.
    if "type" in said and asked.type is not terms.type:
        given = {"expression": None, "interval_s": None, "run_at": None} | given
    changed = replace(terms, **given)
    if "metadata" in said:
        changed = replace(changed, metadata=asked.metadata or {})
    if "target" in said and asked.target is None:
        raise invalid("a schedule needs a target", pointer="/target")
    if asked.target is not None:
        changed = replace(changed, target=target_of(asked.target))
    return _checked(changed)


def target_of(asked: ScheduleTarget) -> Target:
    """Read a target; mistakes are told by their place in the whole body."""
    if (asked.job is None) == (asked.batch is None):
        raise invalid("give a job or a batch", pointer="/target")
    if asked.job is not None:
        return _within("/target/job", _job_target, asked.job)
    return _within("/target/batch", _batch_target, asked.batch or {})


def agents_of(target: Target) -> Mapping[str, str]:
    """Return the agents of a target, each with the place where it is named."""
    match target:
        case JobTarget():
            return {target.agent: "/target/job/agent"}
        case BatchTarget():
            return dict.fromkeys(target.agents, "/target/batch")


def _checked(terms: ScheduleTerms) -> ScheduleTerms:
    if terms.jitter_s and isinstance(terms.target, BatchTarget):
        raise invalid("only a schedule of jobs may have a jitter", pointer="/jitter_s")
    return terms


def _job_target(members: Members) -> JobTarget:
    for name in sorted(_NOT_OF_TARGETS & set(members)):
        raise invalid(
            "is not allowed here: the schedule says when its jobs start", pointer=f"/{name}"
        )
    if isinstance(members.get("deadline"), str):
        raise invalid(
            "must be a number of seconds from the time at which the job starts", pointer="/deadline"
        )
    return JobTarget(**spec_members(validated(JobRequest, members)), asked=members)


def _batch_target(members: Members) -> BatchTarget:
    batch = validated(BatchRequest, members)
    terms, items = terms_of(batch), items_of(batch)
    if not items:
        raise invalid("give `jobs`, or `job_template` with `items`", pointer="/items")
    ids = Counter(item.custom_id for item in items)
    for custom_id, count in ids.items():
        if count > 1:
            raise invalid(f"the custom_id {custom_id!r} is given twice", pointer="/items")
    spec = terms.spec() | {
        "items": [
            {
                "custom_id": item.custom_id,
                "agent": item.agent,
                "input": json.loads(item.input),
                "options": dict(item.options),
            }
            for item in items
        ]
    }
    return BatchTarget(spec=spec, asked=members)


def _within(place: str, read: Callable[[Members], Target], members: Members) -> Target:
    """Read a part of the body; mistakes are told by their place in the whole of it."""
    try:
        return read(members)
    except Problem as problem:
        mistakes = [
            Mistake(pointer=place + one.pointer, detail=one.detail) for one in problem.mistakes
        ]
        detail = f"{mistakes[0].pointer}: {mistakes[0].detail}"
        raise Problem(code=problem.code, detail=detail, mistakes=mistakes) from None
