"""An agent that thinks by a model, and nothing else."""

from datetime import timedelta

from agent_workers import Agent

thinker = Agent(name="thinker", model="scripted/small", step_timeout=timedelta(seconds=20))
