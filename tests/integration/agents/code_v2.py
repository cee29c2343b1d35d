"""The same code after an upgrade: the declared versions are gone, what was not declared has changed."""

from agent_workers import Agent
from tests.integration.agents.tools import first_result, wait_then_whisper, whisper, whisper_it

counted = Agent(name="counted", tools=[whisper], plan=wait_then_whisper, evaluate=first_result)
three = Agent(name="twice", version="3", tools=[whisper], plan=whisper_it, evaluate=first_result)
