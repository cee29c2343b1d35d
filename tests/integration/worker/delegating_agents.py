"""A model that leads a team of one, by the tools that it is shown for that."""

from agent_workers import Agent
from tests.integration.worker.model_agents import add

COST = 10_000
adder = Agent(name="adder", tools=[add], model="scripted/small", max_cost_micro_per_call=COST)
lead = Agent(
    name="lead",
    model="scripted/small",
    team=["adder"],
    engages=["ask_person"],
    max_cost_micro_per_call=COST,
)
