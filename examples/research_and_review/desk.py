"""The desk between author and reviewer: a draft goes back until it is accepted, or given up."""

from typing import Any

from agent_workers import Answer, Continue, GiveUp, Plan, Situation, Use, delegate

MOST_DRAFTS = 3


def plan(situation: Situation) -> Plan:
    """Have a draft written, then judged; what was accepted is printed."""
    review = _newest("review", situation)
    if review is not None and review["accepted"]:
        printing = Use("print_article", {"article": _newest("draft", situation)})
        return Plan([printing], workflow="print")
    writing = delegate("author", input=_request(situation), id="draft")
    judging = delegate("reviewer", input={"$from": "draft"}, id="review", after=["draft"])
    return Plan([writing, judging], workflow=f"draft {situation.round + 1}")


def judge(situation: Situation) -> Answer | Continue | GiveUp:
    """Send it back, have it printed, or stop: after so many drafts a person should look."""
    failed = [past for past in situation.results if past.type == "tool_failed"]
    if failed:
        return GiveUp(f"{failed[0].tool}: {failed[0].value['message']}")
    drafts, review = situation.round + 1, _newest("review", situation)
    assert review is not None
    if situation.results[0].tool == "print_article":
        edition = situation.results[0].value["edition"]
        article = _newest("draft", situation)
        return Answer({"accepted": True, "article": article, "edition": edition})
    if not review["accepted"] and drafts == MOST_DRAFTS:
        return Answer({"accepted": False, "drafts": drafts, "remarks": review["remarks"]})
    return Continue(review["remarks"] or "accepted")


def _request(situation: Situation) -> str:
    review = _newest("review", situation)
    if review is None:
        return situation.text
    draft = _newest("draft", situation)
    return f"{situation.text}\n\nYour draft:\n{draft}\n\nThe reviewer says:\n{review['remarks']}"


# Any: JSON of the agent's own shape: the author's is a text, the reviewer's an object.
def _newest(call_id: str, situation: Situation) -> Any:  # noqa: ANN401 (see above)
    pasts = (past for past in reversed(situation.history) if past.call_id == call_id)
    return next((past.value for past in pasts if past.type == "tool_ran"), None)
