"""The engine of a worker around the store in memory: the same driver, router, planners and rules."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from agent_workers.domain.agents.agent import Agent
from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.tools.tool import Tool
from agent_workers.execution.agents.files import Written, read_agents
from agent_workers.execution.agents.registry import LoadedAgent, Registry, load, loaded, read_tool
from agent_workers.execution.agents.roster import Roster
from agent_workers.execution.model_steps import ModelSteps
from agent_workers.execution.models.wrappers.answers_in_memory import AnswersInMemory
from agent_workers.execution.models.wrappers.attempts import AttemptModels
from agent_workers.execution.perform import Performer
from agent_workers.execution.tools.by_hand import Given
from agent_workers.execution.tools.remembered_in_memory import ToolAnswersInMemory
from agent_workers.execution.tools.router import ToolRouter
from agent_workers.orchestration.carrying import TAIL
from agent_workers.orchestration.steps.fallbacks import FindWays
from agent_workers.testing.memory.rows import Pace
from agent_workers.testing.memory.store import Store, Worker, breakers_of
from agent_workers.testing.models import Talks, model_of, prices
from agent_workers.worker.parts.agent_book import AgentBook, traits_of


def registry_of(
    agents: Sequence[Agent | Path], tools: Sequence[Tool], modules: Sequence[str]
) -> Registry:
    """Load agents as a worker does; `tools` take the place of their namesakes."""
    found = load(modules)
    stand_ins = {tool.name: tool for tool in tools}
    known = dict(found.tools) | {tool.name: read_tool(tool) for tool in tools}
    named = replace(found, tools=known)
    given = [one for agent in agents for one in _loaded(agent, named)]
    every = (*found.agents, *given)
    return replace(named, agents=tuple(_standing_in(one, stand_ins) for one in every))


def worker_of(
    store: Store, registry: Registry, *, model: Talks | None, given: Sequence[object]
) -> Worker:
    """Put the parts of a worker together, as `worker/runtime.py` does."""
    roster = Roster(registry, lambda _, __, ___: None)
    router = ToolRouter(
        roster.find,
        ToolAnswersInMemory(clock=store.seconds),
        Given((*given, store.rows.clock)),
        AnswersInMemory(clock=store.seconds),
    )
    breakers = breakers_of(store)
    for agent in registry.agents:
        traits = traits_of(agent)
        store.rows.agents[traits.name] = Pace(
            plan_timeout_ms=traits.plan_timeout_ms,
            plan_hold_micro=traits.plan_hold_micro,
            version=agent.declared.version,
        )
    models = None
    if model is not None:
        table = prices()
        attempts = AttemptModels(
            model=model_of(model, table),
            prices=table,
            breakers=breakers,
            begin=store.calls.begin,
        )
        models = ModelSteps(models=attempts)
    ways = FindWays(
        takes=router.takes,
        recalls=router.recall,
        history=lambda claimed: store.claims.history(claimed, limit=TAIL),
    )
    return Worker(
        store,
        book=AgentBook(roster),
        perform=Performer(find=roster.find, router=router, models=models),
        tools=router,
        ways=ways,
        breakers=breakers,
    )


def _loaded(agent: Agent | Path, registry: Registry) -> Iterator[LoadedAgent]:
    if isinstance(agent, Agent):
        yield loaded(agent)
        return
    for read in read_agents(agent.read_text("utf-8"), registry, file=str(agent)):
        if not isinstance(read, Written):
            raise Misdeclared(f"{read.file}:{read.line}: {read.mistake.line}")
        yield read.agent


def _standing_in(agent: LoadedAgent, stand_ins: dict[str, Tool]) -> LoadedAgent:
    """Put tools of the test in the place of those that an agent names."""
    declared = agent.declared
    if not stand_ins.keys() & agent.tools.keys():
        return agent
    tools = tuple(
        stand_ins.get(tool.name, tool) if isinstance(tool, Tool) else tool
        for tool in declared.tools
    )
    return loaded(replace(declared, tools=tools), parts=agent.parts)
