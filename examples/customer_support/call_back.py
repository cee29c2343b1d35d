"""The fallback of the help desk: when no model can or will answer, people hear of it."""

from agent_workers import Answer, GiveUp, Plan, Situation, Use


def plan(situation: Situation) -> Plan:
    ticket = {"subject": "call back", "details": situation.text}
    return Plan([Use("open_ticket", ticket)], workflow="call_back")


def judge(situation: Situation) -> Answer | GiveUp:
    (ticket,) = situation.results
    if ticket.type == "tool_failed":
        return GiveUp(f"open_ticket: {ticket.value['message']}")
    return Answer(f"We cannot answer this here; somebody calls you back ({ticket.value['id']}).")
