"""Checks of the agents that are current: can a worker with these settings do their steps?"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from agent_workers.domain.agents.agent import Agent
from agent_workers.domain.agents.mistakes import Mistake
from agent_workers.domain.agents.version import KeptVersion, Source
from agent_workers.domain.errors import Misdeclared
from agent_workers.execution.agents.binding import Unbound, bound_or_not
from agent_workers.execution.agents.documents import document_of
from agent_workers.execution.agents.registry import LoadedAgent, Registry
from agent_workers.local.agents.known import mistakes_around
from agent_workers.local.agents.models import catalog_here
from agent_workers.local.agents.registry import registry_of, uncallable
from agent_workers.settings import Settings
from agent_workers.terminal.findings import Finding, fail, ok
from agent_workers.terminal.printing import counted

_REMEDY = (
    "see `agent-workers agents show {0}`; then add what is missing, run `agent-workers agents apply FILE` "
    "with a version that works, or `agent-workers agents retire {0}`"
)


def check_agents(settings: Settings, current: Sequence[KeptVersion]) -> Iterator[Finding]:
    """Judge every current version as `agents apply` would; no provider is asked."""
    try:
        registry, barred = registry_of(settings), uncallable(settings)
        catalog = catalog_here(settings)
    except Exception:  # noqa: BLE001 (whatever it was, the checks of tools and models have said it)
        return
    known = {version.name for version in current}
    wrong = 0
    for version in current:
        around = partial(mistakes_around, known=known, catalog=catalog, uncallable=barred)
        for mistake in _mistakes(version, registry, around):
            wrong += 1
            yield fail(
                f"agent {version.name}@{version.version}: {mistake.line}",
                _REMEDY.format(version.name),
            )
    if current and not wrong:
        agents = counted(len(current), "current agent")
        yield ok(f"the models, tools and teams of {agents} are there")


def _mistakes(
    version: KeptVersion, registry: Registry, around: Callable[[Agent], Iterator[Mistake]]
) -> Iterator[Mistake]:
    found = _agent(version, registry)
    if isinstance(found, Mistake):
        yield found
    elif isinstance(found, Unbound):
        yield from found.mistakes
    elif found is not None:
        yield from around(found.declared)


def _agent(version: KeptVersion, registry: Registry) -> LoadedAgent | Unbound | Mistake | None:
    """Find the agent of a version; code that is not loaded here cannot be judged here."""
    if version.source is Source.PYTHON:
        return registry.current(version.name)
    try:
        return bound_or_not(document_of(version.definition), registry)
    except Misdeclared as error:
        return Mistake("", str(error))
