"""Choosing a workflow by rule: the first whose condition holds plans the job."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from agent_workers.domain.agent import Answer, GiveUp, Plan, Planner, Situation


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A way to do a kind of job: a planner under a name, and when it is the right one.

    Without `when` it always is. A condition is asked in every round: look at the input, which
    stays the same, and not at what came of the job so far.
    """

    name: str
    plan: Planner
    when: Callable[[Situation], bool] | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """A planner that leaves it to the first workflow whose condition holds."""

    workflows: tuple[Workflow, ...]

    def __call__(self, situation: Situation) -> Plan | Answer | GiveUp:
        """Plan by the workflow that is meant; its name stands on the job."""
        for workflow in self.workflows:
            if workflow.when is None or workflow.when(situation):
                return _named(workflow.plan(situation), workflow.name)
        names = [workflow.name for workflow in self.workflows]
        return GiveUp(f"no workflow of {names!r} is meant for this input")


def choose(*workflows: Workflow) -> Planner:
    """Make a planner of workflows: the first whose condition holds is taken."""
    return Chosen(workflows)


def _named(decision: Plan | Answer | GiveUp, name: str) -> Plan | Answer | GiveUp:
    if isinstance(decision, Plan) and not decision.workflow:
        return replace(decision, workflow=name)
    return decision
