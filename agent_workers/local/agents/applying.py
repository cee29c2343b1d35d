"""Applies files of agents: all of them are checked first, then all become known, or none."""

import getpass
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from agent_workers.domain.agents.mistakes import Mistake
from agent_workers.domain.agents.version import NewVersion, Source
from agent_workers.domain.ids import TenantId
from agent_workers.execution.agents.definitions import definition_of
from agent_workers.execution.agents.files import Written, read_agents
from agent_workers.execution.agents.registry import Registry
from agent_workers.execution.values.yaml_places import Placed
from agent_workers.local.agents.known import mistakes_around
from agent_workers.local.agents.models import catalog_here
from agent_workers.local.agents.registry import registry_of, uncallable
from agent_workers.local.database import database_at
from agent_workers.settings import Settings
from agent_workers.state.catalogue.agent_versions import Kept
from agent_workers.state.catalogue.agents import Agents
from agent_workers.terminal.errors import WronglyAsked
from agent_workers.terminal.given import read_text


def apply_files(
    files: Sequence[Path],
    settings: Settings,
    *,
    tenant_id: TenantId,
    dry_run: bool = False,
) -> list[Kept]:
    """Make the agents of these files known and current; what is wrong is printed line by line."""
    registry = registry_of(settings, tenant_id)
    written = read_files(files, registry)
    with database_at(settings.database_url, "agents") as database:
        agents = Agents(database)
        known = {seen.name for seen in agents.all(tenant_id)} | set(registry.names())
        catalog = catalog_here(settings)
        around = partial(
            mistakes_around, catalog=catalog, uncallable=uncallable(settings, tenant_id)
        )
        _refuse(_around(written, known, around))
        new = [new_version(one) for one in written]
        return agents.apply(new, tenant_id=tenant_id, by=_who(), dry_run=dry_run)


def read_files(files: Sequence[Path], registry: Registry) -> list[Written]:
    """Read files of agents, or say everything that is wrong with them."""
    found = [one for file in files for one in read_agents(_text(file), registry, file=str(file))]
    _refuse(one for one in found if isinstance(one, Placed))
    return [one for one in found if isinstance(one, Written)]


def new_version(written: Written) -> NewVersion:
    agent = written.agent
    return NewVersion(
        name=agent.declared.name,
        declared=agent.declared.version,
        definition=definition_of(agent),
        source=Source.YAML,
        plan_timeout_ms=agent.step_timeout_ms,
        plan_hold_micro=agent.plan_hold_micro,
    )


def _around(
    written: Sequence[Written], known: set[str], around: Callable[..., Iterator[Mistake]]
) -> Iterator[Placed]:
    yield from _doubled(written)
    together = known | {one.agent.declared.name for one in written}
    for one in written:
        found = around(one.agent.declared, known=together)
        yield from (one.placed(mistake) for mistake in found)


def _doubled(written: Sequence[Written]) -> Iterator[Placed]:
    """Refuse a name that is there twice: the second would be the current one, unseen."""
    seen: dict[str, set[str]] = {}
    for one in written:
        name, version = one.agent.declared.name, one.agent.declared.version
        others = seen.setdefault(name, set())
        if others and ("" in others | {version} or version in others):
            text = f"{name!r} is declared twice; give each of its versions a different `version`"
            yield one.placed(Mistake("name", text))
        others.add(version)


def _refuse(mistakes: Iterator[Placed]) -> None:
    lines = [mistake.text for mistake in mistakes]
    for line in lines[:-1]:
        print(line, file=sys.stderr)
    if lines:
        raise WronglyAsked(f"{lines[-1]} (nothing was applied)")


def _text(file: Path) -> str:
    return read_text(file)


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
