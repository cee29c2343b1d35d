"""What a caller may ask of a batch: its terms, and its items over a template."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from agent_workers.domain.batch import MOST_LIVE, BatchItem, BatchTerms, OnError
from agent_workers.domain.job import JobSpec, options_of
from agent_workers.domain.text.strict_json import LARGEST
from api.http.asked import JobRequest, Metadata, Seconds, Whole, spec_members, validated
from api.http.shapes import Body, Described, Variant, like, types_of, variants
from api.problems import Mistake, Problem, invalid
from api.webhooks.bodies import check_url

MOST_INLINE = 1_000
# When an item begins is the batch's to say, and so is whose child it is.
_NOT_OF_ITEMS = frozenset({"run_at", "delay", "parent_job_id", "on_busy"})
_MEMBERS = frozenset(JobRequest.model_fields) - _NOT_OF_ITEMS
CustomId = Annotated[str, Field(min_length=1, max_length=255)]
# Any: members of jobs, which are validated with each item.
Members = dict[str, Any]


_JOB = types_of(JobRequest, *sorted(_MEMBERS)) | {"deadline": Seconds | None}
_CUSTOM_ID = {"custom_id": CustomId}
# As they are shown: `item_of` says what is wrong with one.
BatchTemplate = like("BatchTemplate", _JOB)
BatchItemRequest = like("BatchItemRequest", _JOB | _CUSTOM_ID)
BatchJob = like("BatchJob", _JOB | _CUSTOM_ID, required=("agent", "input"))


class BatchRequest(Body):
    """`jobs`, or `items` with a `job_template`; without both, upload the items."""

    model_config = ConfigDict(
        json_schema_extra=variants(
            Variant(required=("jobs",), without=("items", "job_template")),
            Variant(required=("items", "job_template"), without=("jobs",)),
            Variant(without=("items", "jobs")),
        )
    )

    jobs: (
        Annotated[list[Annotated[Members, Described(BatchJob)]], Field(max_length=MOST_INLINE)]
        | None
    ) = None
    job_template: Annotated[Members, Described(BatchTemplate)] | None = None
    items: (
        Annotated[
            list[Annotated[Members, Described(BatchItemRequest)]], Field(max_length=MOST_INLINE)
        ]
        | None
    ) = None
    concurrency: Annotated[Whole, Field(ge=1, le=MOST_LIVE)] = 100
    on_error: Annotated[OnError, Field(strict=False)] = OnError.CONTINUE
    deadline: Seconds | None = None
    metadata: Metadata | None = None


class StartRequest(Body):
    # A check that nothing of the upload was lost.
    item_count: Annotated[Whole, Field(ge=0, json_schema_extra={"maximum": LARGEST})] | None = None


class BatchCancelRequest(Body):
    reason: Annotated[str, Field(max_length=1_000)] = ""


def terms_of(asked: BatchRequest) -> BatchTerms:
    if asked.jobs is not None and asked.items is not None:
        raise invalid("give `jobs`, or `job_template` with `items`", pointer="/items")
    if asked.jobs is not None and asked.job_template is not None:
        raise invalid("`job_template` goes with `items`, not with `jobs`", pointer="/job_template")
    template = asked.job_template or {}
    strange = sorted(set(template) - _MEMBERS)
    if strange:
        raise invalid(f"{strange[0]!r} is not a member of an item", pointer="/job_template")
    _check_template(template)
    return BatchTerms(
        concurrency=asked.concurrency,
        on_error=asked.on_error,
        deadline=None if asked.deadline is None else timedelta(seconds=asked.deadline),
        metadata=asked.metadata or {},
        template=template,
    )


def _check_template(template: Mapping[str, object]) -> None:
    """Refuse what would be wrong in every item, also before there is one."""
    try:
        item_of({"custom_id": "0"}, {"agent": "any", "input": "", **template})
    except Problem as problem:
        mistakes = [
            Mistake(pointer=f"/job_template{one.pointer}", detail=one.detail)
            for one in problem.mistakes
        ]
        detail = f"{mistakes[0].pointer}: {mistakes[0].detail}"
        raise Problem(code="invalid_request", detail=detail, mistakes=mistakes) from problem


def items_of(asked: BatchRequest, *, allow_private: bool = True) -> list[BatchItem]:
    """Return the items of a body; their custom_id may be left out and is then their place."""
    name = "jobs" if asked.jobs is not None else "items"
    given = asked.jobs if asked.jobs is not None else asked.items or []
    found, mistakes = [], []
    for place, members in enumerate(given):
        try:
            members = {"custom_id": str(place)} | members  # noqa: PLW2901 (the same, whole)
            template = asked.job_template or {}
            found.append(item_of(members, template, allow_private=allow_private))
        except Problem as problem:
            mistakes += [
                Mistake(pointer=f"/{name}/{place}{one.pointer}", detail=one.detail)
                for one in problem.mistakes
            ]
    if mistakes:
        detail = f"{mistakes[0].pointer}: {mistakes[0].detail}"
        raise Problem(code="invalid_request", detail=detail, mistakes=mistakes[:100])
    return found


def item_of(
    members: object, template: Mapping[str, object], *, allow_private: bool = True
) -> BatchItem:
    """Return one item: what it leaves out is the template's; metadata of both are put together."""
    if not isinstance(members, dict):
        raise invalid('must be an object like {"custom_id": …, "input": …}')
    custom_id = members.get("custom_id")
    if not isinstance(custom_id, str) or not 0 < len(custom_id) <= 255:  # noqa: PLR2004
        raise invalid("must be text of 1 to 255 characters", pointer="/custom_id")
    own = {name: value for name, value in members.items() if name != "custom_id"}
    for name in _NOT_OF_ITEMS & set(own):
        raise invalid(
            "is not allowed for items of a batch: they start as soon as the batch has room",
            pointer=f"/{name}",
        )
    if isinstance(own.get("deadline"), str):
        raise invalid("must be a number of seconds from the start of the job", pointer="/deadline")
    whole = {**template, **own}
    both = (template.get("metadata"), own.get("metadata"))
    if isinstance(both[0], dict) and isinstance(both[1], dict):
        whole["metadata"] = {**both[0], **both[1]}
    asked = validated(JobRequest, whole)
    if asked.callback_url is not None:
        check_url(asked.callback_url, pointer="/callback_url", allow_private=allow_private)
    spec = JobSpec(**spec_members(asked))
    return BatchItem(
        custom_id=custom_id, agent=spec.agent, input=spec.input, options=options_of(spec)
    )
