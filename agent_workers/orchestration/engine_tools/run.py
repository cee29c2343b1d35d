"""Engaging steps with their surroundings: waits are read, events are sent, rings are rung."""

from collections.abc import Sequence

from agent_workers.domain.agents.engine_calls import SendEvent
from agent_workers.domain.claim import Claimed, Due, Onward, Recorded
from agent_workers.domain.decision import Decision, Park
from agent_workers.domain.errors import JobNotFound, KeyReused
from agent_workers.domain.ids import to_wire
from agent_workers.domain.job import TERMINAL
from agent_workers.domain.mail import JobHasEnded, Letter
from agent_workers.domain.step import Lane, StepKind, ToolFailed, ToolRan
from agent_workers.domain.text.encoding import bounded, canonical
from agent_workers.orchestration.carrying import ANYTHING
from agent_workers.orchestration.engine_tools.decide import engage, still_holding
from agent_workers.orchestration.ports import Ring
from agent_workers.orchestration.store import Sending, Waiting
from agent_workers.orchestration.traits import AgentTraits


class Engaging:
    """Does one engaging step, short of recording it."""

    def __init__(self, waits: Waiting, mail: Sending, *, ring: Ring) -> None:
        self._waits = waits
        self._mail = mail
        self._ring = ring

    def __call__(
        self, claimed: Claimed, agent: AgentTraits
    ) -> tuple[Claimed, ToolRan | ToolFailed | Park]:
        """Say what the step gives, or that it waits; and the step with what it holds."""
        waited = self._waits.of(claimed)
        engaged = engage(claimed, waited, agent)
        if isinstance(engaged, SendEvent):
            engaged = self._send(claimed, engaged)
        return still_holding(claimed, waited), engaged

    def _send(self, claimed: Claimed, wish: SendEvent) -> ToolRan | ToolFailed:
        letter = Letter(
            tenant_id=claimed.tenant_id,
            job_id=wish.job_id,
            # However often this step is done, it has said it once.
            sender=f"{to_wire(claimed.job_id)}:{claimed.position}",
            name=wish.name,
            data=bounded(wish.data),
        )
        try:
            sent = self._mail.send(letter)
        except (JobNotFound, JobHasEnded, KeyReused) as error:
            return ToolFailed(code=_CODES[type(error)], message=str(error))
        if sent.due:
            self._ring(sent.due, parent=None)
        return ToolRan(result=canonical({"number": sent.number, "taken": sent.taken}))


_CODES = {JobNotFound: "job_not_found", JobHasEnded: "job_has_ended", KeyReused: "sent_otherwise"}


def elsewhere(
    claimed: Claimed, decision: Decision, recorded: Recorded, onward: Onward
) -> Sequence[Due]:
    """Steps of other jobs that are due now, in lanes that this worker does not look into itself."""
    if isinstance(decision, Park) and decision.wait.child is not None:
        child = decision.wait.child
        lane, kind, job_id, position = Lane.PLAN, StepKind.PLAN, child.job_id, 0
    elif claimed.depth > 0 and recorded.status in TERMINAL:
        lane, kind, job_id, position = Lane.TOOL, StepKind.TOOL, claimed.job_id, ANYTHING
    elif claimed.session_id and recorded.status in TERMINAL:
        # Whose turn it is now only the database knows.
        lane, kind, job_id, position = Lane.PLAN, StepKind.PLAN, claimed.job_id, ANYTHING
    else:
        return ()
    if lane in onward.lanes:
        return ()
    return (
        Due(tenant_id=claimed.tenant_id, job_id=job_id, position=position, kind=kind, lane=lane),
    )
