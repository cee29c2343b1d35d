"""The demo's agent that a model plans for: which tool to use is the model's choice, not ours."""

from agent_workers import Agent, Answer, GiveUp, Situation
from agent_workers.demo.tools import no_tool, search_policy


def accept_finding(situation: Situation) -> Answer | GiveUp:
    """Take what the tool found as the answer."""
    found = situation.results[0]
    return GiveUp(str(found.value)) if found.type == "tool_failed" else Answer(found.value)


support_by_model = Agent(
    name="support_by_model",
    model="scripted/small",
    instructions="Answer customers' questions. Use the policy for everything about refunds.",
    tools=[search_policy, no_tool],
    evaluate=accept_finding,
)
