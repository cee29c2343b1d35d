"""The demo's agents: planners and evaluators are plain functions, so that no model is needed."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from agent_workers import Agent, Answer, Continue, GiveUp, Past, Plan, Situation, Use
from agent_workers.demo.tools import no_tool, read_order, refund, search_policy

LATEST_DAYS = 7
MOST_PROGRESS_PERCENT = 20


def choose_workflow(situation: Situation) -> Plan:
    """Questions about refunds need the policy; nothing else here does."""
    if "refund" in situation.text.lower():
        return Plan([Use("search_policy", {"question": situation.text})], workflow="refund_flow")
    return Plan([Use("none")], workflow="default_flow")


def look_up_policy_and_order(situation: Situation) -> Plan | GiveUp:
    """Two tools side by side: neither needs what the other finds."""
    order_id = _order_id(situation)
    if not order_id:
        return GiveUp('say which order: {"message": "…", "order_id": "A-1001"}')
    reads = [
        Use("search_policy", {"question": situation.text}),
        Use("read_order", {"order_id": order_id}),
    ]
    return Plan(reads, workflow="refund_check_flow")


def weigh_policy_and_order(situation: Situation) -> Answer | GiveUp:
    """Bring both findings together."""
    failed = [past for past in situation.results if past.type == "tool_failed"]
    if failed:
        return GiveUp(f"{failed[0].tool}: {failed[0].value['message']}")
    return Answer(_finding(situation.results))


def look_then_refund(situation: Situation) -> Plan | GiveUp:
    """First look; once the order is found to qualify, pay it back."""
    if situation.round == 0:
        return look_up_policy_and_order(situation)
    order = _value_of("read_order", situation.history)
    arguments = {"order_id": order["order_id"], "amount_cents": order["amount_cents"]}
    return Plan([Use("refund", arguments)], workflow="refund_payment_flow")


def settle_refund(situation: Situation) -> Answer | Continue | GiveUp:
    """Go on to the payment when the order qualifies, and answer with its receipt."""
    verdict = weigh_policy_and_order(situation) if situation.round == 0 else None
    if isinstance(verdict, Answer):
        finding = _finding(situation.results)
        return Continue("it qualifies") if finding["refundable"] else verdict
    if verdict is not None:
        return verdict
    paid = situation.results[0]
    if paid.type == "tool_failed":
        return GiveUp(f"refund: {paid.value['message']}")
    return Answer({**_finding(situation.history), "receipt": paid.value})


def _finding(pasts: Sequence[Past]) -> dict[str, object]:
    order = _value_of("read_order", pasts)
    age = datetime.now(UTC).date() - date.fromisoformat(str(order["purchased_on"]))
    progress = int(str(order["progress_percent"]))
    return {
        "policy_text": _value_of("search_policy", pasts)["policy_text"],
        "order": order,
        "days_since_purchase": age.days,
        "refundable": age.days <= LATEST_DAYS and progress < MOST_PROGRESS_PERCENT,
    }


def _value_of(tool: str, pasts: Sequence[Past]) -> dict[str, object]:
    found: dict[str, object] = next(past.value for past in pasts if past.tool == tool)
    return found


def _order_id(situation: Situation) -> str:
    request = situation.input
    return str(request.get("order_id", "")) if isinstance(request, dict) else ""


support = Agent(name="support", tools=[search_policy, no_tool], plan=choose_workflow)

refund_check = Agent(
    name="refund_check",
    tools=[search_policy, read_order],
    plan=look_up_policy_and_order,
    evaluate=weigh_policy_and_order,
)

refund_desk = Agent(
    name="refund_desk",
    tools=[search_policy, read_order, refund],
    plan=look_then_refund,
    evaluate=settle_refund,
)
