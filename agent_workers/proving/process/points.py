"""The named crash points: places on the way of a step where a process may die or freeze."""

from dataclasses import dataclass
from enum import StrEnum


class Event(StrEnum):
    """When it strikes: on entering a function, on leaving it, or before a line of it runs."""

    CALL = "call"
    RETURN = "return"
    LINE = "line"


@dataclass(frozen=True, slots=True)
class Point:
    """A place in the code, found by its names and words, so that it moves with the code."""

    name: str
    module: str
    function: str
    event: Event
    # The line, for `Event.LINE`: the first whose text holds this.
    text: str = ""
    # Only for steps of this kind (plan, tool, evaluate).
    kind: str = ""
    # Only when the function returns something that is true.
    truthy: bool = False


_DRIVER = "agent_workers.orchestration.steps.advance"
_ACT = "agent_workers.orchestration.effects.act"
_DECIDE = "agent_workers.orchestration.steps.decide"
_CARRYING = "agent_workers.orchestration.carrying"
_DELIVERY = "agent_workers.worker.delivery"
_KEEPER = "agent_workers.worker.keeper"
_EVALUATING = "agent_workers.execution.evaluator.evaluating"
_PERFORM = "agent_workers.execution.perform"
_ROUTER = "agent_workers.execution.tools.router"
_CLAIMS = "agent_workers.state.steps.claims"
_RECORDS = "agent_workers.state.steps.records"
_PERMITS = "agent_workers.state.steps.permits"
_SWEEPS = "agent_workers.state.steps.sweeps"
_COUNTING = "agent_workers.testing.counting"
_PERMITTING = "agent_workers.domain.permitting"
_CALL, _RETURN, _LINE = Event.CALL, Event.RETURN, Event.LINE

POINTS = (
    # A nudge came in.
    Point("deliver", _DELIVERY, "Deliveries.deliver", _CALL),
    Point("claim.nudged", _CLAIMS, "Claims.nudged", _CALL),
    Point("claim.held", _CLAIMS, "Claims.nudged", _RETURN, truthy=True),
    Point("claim.next", _CLAIMS, "Claims.next", _CALL),
    Point("claim.next.held", _CLAIMS, "Claims.next", _RETURN, truthy=True),
    # Plan.
    Point("plan.begin", _PERFORM, "Performer._plan", _CALL),
    Point("plan.end", _PERFORM, "Performer._plan", _RETURN),
    Point("plan.decide", _DECIDE, "decide", _CALL, kind="plan"),
    Point("plan.record", _RECORDS, "Records.record", _CALL, kind="plan"),
    Point("plan.recorded", _RECORDS, "Records.record", _RETURN, kind="plan"),
    Point("plan.follow", _DRIVER, "Driver._follow", _CALL, kind="plan"),
    Point("plan.ring", _DRIVER, "Driver._follow", _LINE, "self._ring(others", kind="plan"),
    Point("carry.on", _CARRYING, "carried_on", _RETURN, kind="plan"),
    # A tool that leaves no mark.
    Point("tool.run", _ROUTER, "ToolRouter.run", _CALL),
    Point("tool.ran", _ROUTER, "ToolRouter.run", _RETURN),
    # The permit.
    Point("permit.begin", _ACT, "EffectProtocol._ask", _CALL),
    Point("permit.ask", _PERMITS, "Permits.ask", _CALL),
    Point("permit.asked", _PERMITS, "Permits.ask", _RETURN),
    Point("permit.decided", _PERMITTING, "decide_permit", _RETURN),
    Point("permit.grant", _PERMITS, "Permits.grant", _CALL),
    Point("permit.granted", _PERMITS, "Permits.grant", _RETURN),
    Point("permit.committed", _ACT, "EffectProtocol._ask", _RETURN),
    # Acting.
    Point("act.begin", _ROUTER, "ToolRouter.act", _CALL),
    Point("act.before_send", _COUNTING, "act", _CALL),
    Point("act.sent", _COUNTING, "_asked", _LINE, "response = connection.getresponse()"),
    Point("act.replied", _COUNTING, "_asked", _LINE, "connection.close()"),
    Point("act.end", _ROUTER, "ToolRouter.act", _RETURN),
    Point("act.disarmed", _ACT, "EffectProtocol.run", _RETURN),
    # Evidence and record.
    Point("evidence.begin", _DRIVER, "Driver._record_act", _CALL),
    Point("evidence.keep", _PERMITS, "Permits.evidence", _CALL),
    Point("evidence.kept", _PERMITS, "Permits.evidence", _RETURN),
    Point("tool.decide", _DECIDE, "decide", _CALL, kind="tool"),
    Point("tool.record", _RECORDS, "Records.record", _CALL, kind="tool"),
    Point("tool.written", _RECORDS, "Records._write", _RETURN, kind="tool"),
    Point("tool.follow", _DRIVER, "Driver._follow", _CALL, kind="tool"),
    # A tool that writes into our own database.
    Point("write.begin", _ROUTER, "ToolRouter.write", _CALL),
    Point("write.wished", _ROUTER, "ToolRouter.write", _RETURN),
    Point("write.statement", _RECORDS, "Records.record_with", _LINE, "connection.execute("),
    Point("write.commit", _RECORDS, "Records.record_with", _LINE, "return recorded"),
    Point("write.committed", _RECORDS, "Records.record_with", _RETURN),
    # Evaluate, and the end.
    Point("evaluate.begin", _EVALUATING, "evaluate", _CALL),
    Point("evaluate.end", _EVALUATING, "evaluate", _RETURN),
    Point("finish.record", _RECORDS, "Records.record", _CALL, kind="evaluate"),
    Point("finish.recorded", _RECORDS, "Records.record", _RETURN, kind="evaluate"),
    Point("finish.tell", _DRIVER, "Driver._follow", _CALL, kind="evaluate"),
    # A later attempt: wait, look up, adopt, doubt, try again.
    Point("retry.record", _RECORDS, "Records._write", _LINE, "retry = _retry("),
    Point("retry.committed", _DRIVER, "Driver._follow", _LINE, "return recorded.claimed"),
    Point("lookup.begin", _ACT, "EffectProtocol._look_up", _CALL),
    Point("lookup.ask", _ROUTER, "ToolRouter.look_up", _CALL),
    Point("lookup.seen", _ROUTER, "ToolRouter.look_up", _RETURN),
    Point("lookup.end", _ACT, "EffectProtocol._look_up", _RETURN),
    Point("lookup.adopt", _ACT, "EffectProtocol._keep", _LINE, "self._permits.evidence("),
    Point("lookup.absent", _PERMITS, "Permits.absent", _CALL),
    Point("lookup.absent.said", _PERMITS, "Permits.absent", _RETURN),
    Point("doubt.begin", _PERMITS, "Permits.doubt", _CALL),
    Point("doubt.written", _PERMITS, "Permits.doubt", _RETURN),
    # Leaving a step undone.
    Point("stand_down.begin", _RECORDS, "Records.stand_down", _CALL),
    Point("stand_down.done", _RECORDS, "Records.stand_down", _RETURN),
    # The keeper of a process finds what others left behind.
    Point("keeper.hold", _KEEPER, "Keeper._hold", _CALL),
    Point("keeper.lost", _SWEEPS, "Sweeps.lost", _CALL),
    Point("keeper.lost.freed", _SWEEPS, "Sweeps.lost", _RETURN, truthy=True),
    Point("keeper.expired", _SWEEPS, "Sweeps.expired", _CALL),
    Point("keeper.expired.freed", _SWEEPS, "Sweeps.expired", _RETURN, truthy=True),
    Point("keeper.overdue", _SWEEPS, "Sweeps.overdue", _RETURN, truthy=True),
    Point("keeper.ring", _KEEPER, "Keeper._ring_for", _RETURN),
)
BY_NAME = {point.name: point for point in POINTS}

# Every line of these is a crash point too.
STEP_PATH = (
    _DELIVERY,
    _DRIVER,
    _ACT,
    _DECIDE,
    _CARRYING,
    _PERMITTING,
    _PERFORM,
    _EVALUATING,
    _ROUTER,
    _CLAIMS,
    _RECORDS,
    _PERMITS,
    _COUNTING,
    "agent_workers.orchestration.effects.act_rules",
    "agent_workers.orchestration.steps.after_step",
    "agent_workers.orchestration.steps.recover",
    "agent_workers.domain.recovery",
    "agent_workers.state.database.engine",
    "agent_workers.domain.codec",
    "agent_workers.worker.parts.timers",
)
