"""The answer of an agent that took over is this job's answer: no model and no function is asked."""

from agent_workers.domain.agent import Answer, Situation
from agent_workers.domain.engaging import HAND_OFF


def handed_over(situation: Situation) -> Answer | None:
    """Find what the agent answered that this round handed the job over to."""
    for past in situation.results:
        if past.tool == HAND_OFF and past.type == "tool_ran":
            return Answer(past.value)
    return None
