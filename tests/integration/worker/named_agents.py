"""Agents for the tests of models that `models.yaml` names."""

from agent_workers import Agent, ModelSettings

named = Agent(name="named", model="fast", model_settings=ModelSettings(max_output_tokens=600))
locked = Agent(name="locked", model="locked")
either = Agent(name="either", ladders={"plan": ["locked", "fast"]})
