"""The monitor: it looks, proposes, asks a person, and does only what that person approved."""

from datetime import timedelta

from agent_workers import (
    Agent,
    Answer,
    Continue,
    GiveUp,
    Past,
    Plan,
    Situation,
    Use,
    ask_person,
)
from examples.log_monitor.tools import file_ticket, inspect, restart_service

APPROVE, REJECT = "approve", "reject"
# Whoever is on call may sleep that long; then it is a ticket.
PATIENCE = timedelta(hours=8)


def attend(situation: Situation) -> Plan:
    """Look; where a restart helps, ask; then do what was said. A ticket is for all the rest."""
    alarm = situation.input
    if situation.round == 0:
        looking = Use("inspect", {"service": alarm["service"], "lines": alarm["lines"]})
        return Plan([looking], workflow="inspect")
    seen = _result("inspect", situation)
    if situation.round == 1 and seen["restart_helps"]:
        question = f"{alarm['service']}: {seen['diagnosis']}. Restart it?"
        asking = ask_person(question, choices=[APPROVE, REJECT], timeout=PATIENCE)
        return Plan([asking], workflow="ask")
    if situation.round == 1 or _said(situation) != APPROVE:
        subject = f"{seen['diagnosis']} ({seen['most_frequent']})"
        ticket = Use("file_ticket", {"service": alarm["service"], "subject": subject})
        return Plan([ticket], workflow="ticket")
    return Plan([Use("restart_service", {"service": alarm["service"]})], workflow="restart")


def judge(situation: Situation) -> Answer | Continue | GiveUp:
    """Stop when the service is well, or when something was done about it."""
    done = situation.results[0]
    if done.tool == "ask_person":
        return Continue("a person was asked")
    if done.type == "tool_failed":
        return GiveUp(f"{done.tool}: {done.value['message']}")
    if done.tool == "inspect":
        is_well = done.value["is_running"]
        return Answer({"outcome": "healthy"}) if is_well else Continue("it fails")
    return Answer({"outcome": done.tool, "receipt": done.value})


def _result(tool: str, situation: Situation) -> dict[str, object]:
    found: dict[str, object] = _last(tool, situation).value
    return found


def _said(situation: Situation) -> str:
    """What the person said; who did not answer in time has not approved."""
    asked = _last("ask_person", situation)
    return "" if asked.type == "tool_failed" else str(asked.value["answer"])


def _last(tool: str, situation: Situation) -> Past:
    return next(past for past in reversed(situation.history) if past.tool == tool)


monitor = Agent(
    name="log_monitor",
    description="Looks into alarms; restarts a service only when a person has approved.",
    tools=[inspect, restart_service, file_ticket],
    plan=attend,
    evaluate=judge,
)
