"""The verdict on a soak: every job against the counter, and against what befell its workers."""

from collections.abc import Mapping, Sequence

from agent_workers.domain.ids import JobId, TenantId
from agent_workers.proving.grounds import Ground
from agent_workers.proving.soak.blows import Blows, Held
from agent_workers.proving.trials.judge import Judged, Seen, wrongs_of
from agent_workers.proving.trials.trials import Trial
from agent_workers.state.proving.proofs import Claim, LeftBehind
from agent_workers.testing import counting

_FIRST_TOOL = 1
# After these a server has not said whether it did it.
_UNCLEAR = {"lose", "drop", "slow", "late", "fail"}


def judge(
    ground: Ground,
    tenant_id: TenantId,
    acknowledged: Mapping[JobId, Trial],
    counter_url: str,
    blows: Blows,
) -> list[Judged]:
    proofs = ground.proofs
    statuses, doubted = proofs.statuses(tenant_id), proofs.ever_doubted(tenant_id)
    counts, left = counting.counts(counter_url), proofs.left_behind(tenant_id)
    quarantined = proofs.quarantined(tenant_id)
    claims: dict[JobId, list[Claim]] = {}
    for claim in proofs.claims(tenant_id):
        claims.setdefault(claim.job_id, []).append(claim)
    judged = []
    for job_id, trial in acknowledged.items():
        mine = claims.get(job_id, [])
        seen = Seen(
            status=statuses.get(job_id, ""),
            counts=tuple(counts[one] for one in subjects(trial)),
            written=tuple(proofs.written(one) for one in subjects(trial)),
            doubted=job_id in doubted,
            job_id=job_id,
            quarantine_is_due=_is_due(mine, quarantined.get(job_id), blows),
            doubt_is_due=_may_doubt(trial, mine, blows),
            left_behind=_by_subject(trial, left.get(job_id, [])),
        )
        judged.append(Judged(trial=trial, seen=seen, wrongs=wrongs_of(trial, seen)))
    return judged


def subjects(trial: Trial) -> list[str]:
    return [f"{trial.subject}/{n}" for n in range(len(trial.variant.tools))]


def _is_due(claims: Sequence[Claim], quarantined: tuple[int, int] | None, blows: Blows) -> bool:
    """Each death that the step counts has a claim whose holder was struck while it held it."""
    if quarantined is None:
        return False
    position, deaths = quarantined
    struck = [one for one in claims if one.position == position and blows.struck(held(one))]
    return len(struck) >= deaths


def _may_doubt(trial: Trial, claims: Sequence[Claim], blows: Blows) -> bool:
    if _UNCLEAR & set(trial.script):
        return True
    return any(blows.struck(held(one)) or blows.disturbed(one.since, one.until) for one in claims)


def held(claim: Claim) -> Held:
    return Held(pid=claim.pid, since=claim.since, until=claim.until)


def _by_subject(trial: Trial, left: Sequence[LeftBehind]) -> tuple[str, ...]:
    """Return the states in the order of the tools; none of a job that was not canceled."""
    if not left:
        return ()
    states = {one.position: one.state for one in left}
    tools = range(_FIRST_TOOL, _FIRST_TOOL + len(trial.variant.tools))
    return tuple(states.get(position, "") for position in tools)
