"""Effects as replies, and as JSON text for the person who judges them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from agent_workers.domain.effect import EffectClass, EffectState, PermitMode, Says, Source
from agent_workers.domain.ids import to_wire
from agent_workers.state.jobs.effects import EffectSeen, EvidenceSeen, PermitSeen
from api.http.json_text import instant, raw, text
from api.http.shapes import Anything, Count, Instant, JobIdText, page_of


class PermitReply(TypedDict):
    """A right to act once, and what is known of its use."""

    attempt: Count
    mode: PermitMode
    granted_at: Instant
    quiet_after: Instant
    key_expires_at: Instant | None
    says: Says | None
    source: Source | None


class EvidenceReply(TypedDict):
    """Something that is known of whether an effect happened."""

    number: Count
    attempt: Count
    says: Says
    source: Source
    result: Anything
    given_by: str | None
    reason: str | None
    contradicts: bool
    at: Instant


# `class` cannot be the name of a member in Python's syntax for classes.
ListedEffectReply = TypedDict(
    "ListedEffectReply",
    {
        "object": Literal["effect"],
        "effect_key": Annotated[str, Field(json_schema_extra={"format": "uuid"})],
        "job_id": JobIdText,
        "position": Count,
        "tool": str,
        "class": EffectClass,
        "state": EffectState,
        "request": Anything,
        "result": Anything,
        "doubt_reason": str | None,
        "doubted_at": Instant | None,
        "created_at": Instant,
    },
)


class EffectReply(ListedEffectReply):
    """An effect with its permits and all evidence.

    Before `quiet_after` nobody may say that it did not happen.
    """

    quiet_after: Instant | None
    permits: list[PermitReply]
    evidence: list[EvidenceReply]


EffectList = page_of("EffectList", ListedEffectReply)


def effect_text(effect: EffectSeen, *, whole: bool) -> str:
    """Write an effect for the person who judges it."""
    more = _history(effect) if whole else ""
    return (
        f'{{"object":"effect","effect_key":"{effect.effect_key}",'
        f'"job_id":"{to_wire(effect.job_id)}","position":{effect.position},'
        f'"tool":{text(effect.tool)},"class":"{effect.cls}","state":"{effect.state}",'
        f'"request":{raw(effect.request)},"result":{raw(effect.result)},'
        f'"doubt_reason":{text(effect.doubt_reason)},"doubted_at":{instant(effect.doubted_at)},'
        f'"created_at":{instant(effect.created_at)}{more}}}'
    )


def _history(effect: EffectSeen) -> str:
    permits = ",".join(_permit(permit) for permit in effect.permits)
    evidence = ",".join(_evidence(piece) for piece in effect.evidence)
    quiet_after = instant(_quiet_after(effect))
    return f',"quiet_after":{quiet_after},"permits":[{permits}],"evidence":[{evidence}]'


def _quiet_after(effect: EffectSeen) -> datetime | None:
    """Before this instant nobody may say that it did not happen."""
    return max(
        (permit.quiet_after for permit in effect.permits if permit.says in {None, "unknown"}),
        default=None,
    )


def _permit(permit: PermitSeen) -> str:
    return (
        f'{{"attempt":{permit.attempt},"mode":"{permit.mode}",'
        f'"granted_at":{instant(permit.granted_at)},"quiet_after":{instant(permit.quiet_after)},'
        f'"key_expires_at":{instant(permit.key_expires_at)},'
        f'"says":{text(permit.says)},"source":{text(permit.source)}}}'
    )


def _evidence(piece: EvidenceSeen) -> str:
    contradicts = "true" if piece.contradicts else "false"
    return (
        f'{{"number":{piece.number},"attempt":{piece.attempt},"says":"{piece.says}",'
        f'"source":"{piece.source}","result":{raw(piece.result)},'
        f'"given_by":{text(piece.given_by)},"reason":{text(piece.reason)},'
        f'"contradicts":{contradicts},"at":{instant(piece.at)}}}'
    )
