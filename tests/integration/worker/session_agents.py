"""Agents that say what they know of their session, and one that talks by a model."""

from agent_workers import Agent, Answer, PlanMode, Situation


def recall(situation: Situation) -> Answer:
    return Answer([f"{said.role} {said.text}" for said in situation.session.messages])


recaller = Agent(name="recaller", plan=recall)
talker = Agent(
    name="talker", model="scripted/small", instructions="Talk.", max_cost_micro_per_call=10_000
)
planner = Agent(
    name="planner",
    model="scripted/small",
    instructions="Plan it all.",
    mode=PlanMode.PLAN_EXECUTE,
    max_cost_micro_per_call=10_000,
)
