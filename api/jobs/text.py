"""Steps, events, effects and agents as JSON text; stored payloads are put in untouched."""

from collections.abc import Sequence
from datetime import datetime

from agent_workers.domain.agents.version import KeptVersion
from agent_workers.domain.ids import JobId, to_wire
from agent_workers.state.catalogue.agents import AgentSeen
from agent_workers.state.jobs.effects import EffectSeen, EvidenceSeen, PermitSeen
from agent_workers.state.jobs.steps import EventSeen, StepSeen
from api.http.json_text import dumped, instant, raw, text


def step_text(step: StepSeen) -> str:
    return (
        f'{{"object":"step","position":{step.position},"round":{step.round},'
        f'"kind":"{step.kind}","lane":"{step.lane}","status":"{step.status}",'
        f'"tool":{text(step.tool or None)},"call_id":{text(step.call_id or None)},'
        f'"effect":"{step.effect}","arguments":{raw(step.arguments)},'
        f'"outcome_type":{text(step.outcome_type)},"outcome":{raw(step.outcome)},'
        f'"claims":{step.fence},"tries":{step.tries},"deaths":{step.deaths},'
        f'"last_error":{text(step.last_error)},"error":{raw(step.error)},"task_id":{text(step.task_id)},'
        f'"due_at":{instant(step.due_at)},"claimed_at":{instant(step.claimed_at)},'
        f'"done_at":{instant(step.done_at)}}}'
    )


def event_text(job_id: JobId, event: EventSeen) -> str:
    """Write one numbered event; what the journal holds of it follows its own members."""
    head = (
        f'{{"sequence_number":{event.number},"job_id":"{to_wire(job_id)}",'
        f'"type":"job.{event.type}","at":{instant(event.at)}'
    )
    data = raw(event.data).strip()
    return head + "}" if data in {"{}", "null", ""} else f"{head},{data[1:]}"


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


def agent_text(agent: AgentSeen, versions: Sequence[KeptVersion] | None = None) -> str:
    kept = "" if versions is None else f',"versions":[{",".join(map(_version, versions))}]'
    return (
        f'{{"object":"agent","name":{text(agent.name)},"version":{text(agent.version)},'
        f'"definition":{agent.definition},"registered_at":{instant(agent.registered_at)},'
        f'"retired_at":{instant(agent.retired_at)}{kept}}}'
    )


def agent_version_text(version: KeptVersion) -> str:
    definition = dumped(version.shown).decode("ascii")
    head = f'{{"object":"agent_version","name":{text(version.name)},"definition":{definition},'
    return head + _version(version)[1:]


def _version(version: KeptVersion) -> str:
    return (
        f'{{"version":{text(version.version)},"digest":"{version.digest}",'
        f'"source":"{version.source.value}","created_by":{text(version.created_by)},'
        f'"created_at":{instant(version.created_at)}}}'
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
