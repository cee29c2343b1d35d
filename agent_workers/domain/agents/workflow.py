"""Choosing a workflow by rule: the first whose condition holds plans the job."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from agent_workers.domain.agents.agent import Decided, GiveUp, Plan, Planner, Situation
from agent_workers.domain.errors import Misdeclared


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

    def __call__(self, situation: Situation) -> Decided | Awaitable[Decided]:
        """Plan by the workflow that is meant; its name stands on the job."""
        for workflow in self.workflows:
            if _is_meant(workflow, situation):
                decided = workflow.plan(situation)
                if isinstance(decided, Awaitable):
                    return _named_later(decided, workflow.name)
                return _named(decided, workflow.name)
        names = [workflow.name for workflow in self.workflows]
        return GiveUp(f"no workflow matches this input (workflows: {', '.join(names)})")


def choose(*workflows: Workflow) -> Planner:
    """Make a planner of workflows: the first whose condition holds is taken."""
    return Chosen(workflows)


def _is_meant(workflow: Workflow, situation: Situation) -> bool:
    meant: object = workflow.when is None or workflow.when(situation)
    if inspect.iscoroutine(meant):
        meant.close()
        raise Misdeclared(
            f"when= of workflow {workflow.name!r} is async: it must be a plain function"
        )
    return bool(meant)


async def _named_later(decided: Awaitable[Decided], name: str) -> Decided:
    return _named(await decided, name)


def _named(decision: Decided, name: str) -> Decided:
    if isinstance(decision, Plan) and not decision.workflow:
        return replace(decision, workflow=name)
    return decision
