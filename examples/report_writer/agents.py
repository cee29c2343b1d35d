"""A writer that has its topics researched side by side, and researchers that plan with a model."""

from agent_workers import (
    Agent,
    Answer,
    GiveUp,
    Limits,
    Plan,
    PlanMode,
    Situation,
    Use,
    delegate,
)
from examples.report_writer.tools import compose, find_sources, publish, read_source

# Of the report's budget each researcher gets this much, and not a cent more.
SHARE_USD = 0.01
# What one call of its model costs at the very most: it is held before the call is made.
MOST_MICRO_USD_PER_CALL = 3_000


def plan_report(situation: Situation) -> Plan | GiveUp:
    """Plan the whole report at once: parts side by side, then the text, then the publication."""
    asked = situation.input
    if not isinstance(asked, dict) or not asked.get("topics"):
        return GiveUp('say what to write about: {"title": "…", "topics": ["…"]}')
    parts = [
        delegate("researcher", input=topic, max_cost_usd=SHARE_USD, id=f"part_{number}")
        for number, topic in enumerate(asked["topics"], start=1)
    ]
    found = [{"$from": part.id} for part in parts]
    told = {"title": asked["title"], "topics": asked["topics"], "findings": found}
    writing = Use("compose", told, id="report", after=[part.id for part in parts])
    printing = Use("publish", {"report": {"$from": "report"}}, id="page", after=["report"])
    return Plan([*parts, writing, printing], workflow="report")


def judge_report(situation: Situation) -> Answer | GiveUp:
    """The report is the answer, and where it stands; a part that failed is the reason why not."""
    failed = [past for past in situation.results if past.type == "tool_failed"]
    if failed:
        return GiveUp(f"{failed[0].call_id}: {failed[0].value['message']}")
    results = {past.call_id: past.value for past in situation.results}
    return Answer({"report": results["report"], **results["page"]})


report_writer = Agent(
    name="report_writer",
    description="Has each topic researched by a job of its own, then writes and publishes.",
    tools=[compose, publish],
    team=["researcher"],
    plan=plan_report,
    evaluate=judge_report,
)

researcher = Agent(
    name="researcher",
    description="Reads the sources on one topic, side by side, and says what they say.",
    mode=PlanMode.PLAN_EXECUTE,
    model="scripted/small",
    instructions=(
        "You research one topic for a report. Find sources, read the best two, and sum them up "
        "in one paragraph that cites each as [id]."
    ),
    tools=[find_sources, read_source],
    cites=True,
    limits=Limits(max_model_calls=8, max_tool_calls=8),
    max_cost_micro_per_call=MOST_MICRO_USD_PER_CALL,
)
