"""Code as it was: two declared versions of one agent side by side, and one that is not declared."""

from agent_workers import Agent
from tests.integration.agents.tools import (
    first_result,
    shout,
    shout_it,
    wait_first,
    wait_then_whisper,
    whisper,
    whisper_it,
)

one = Agent(name="twice", version="1", tools=[shout], plan=shout_it, evaluate=first_result)
two = Agent(name="twice", version="2", tools=[whisper], plan=whisper_it, evaluate=first_result)
counted = Agent(name="counted", tools=[shout], plan=wait_first, evaluate=first_result)
both = Agent(name="other", tools=[shout, whisper], plan=wait_then_whisper)
