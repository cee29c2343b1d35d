"""A planner that follows a script: what it decides in each round is told beforehand."""

from dataclasses import dataclass

from agent_workers.domain.agents.agent import Answer, GiveUp, Plan, Situation


@dataclass(frozen=True, slots=True)
class ScriptedPlanner:
    """Decides by the number of the round; after the last decision it stays with that."""

    decisions: tuple[Plan | Answer | GiveUp, ...]

    def __call__(self, situation: Situation) -> Plan | Answer | GiveUp:
        """Say what the script says for this round."""
        return self.decisions[min(situation.round, len(self.decisions) - 1)]


def scripted(*decisions: Plan | Answer | GiveUp) -> ScriptedPlanner:
    """Write a script: `Agent(plan=scripted(Plan([…]), Answer("done")))`."""
    return ScriptedPlanner(decisions)
