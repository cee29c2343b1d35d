"""Reads files of agents: YAML with one agent in each document; every mistake names file and line."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from agent_workers.domain.agents.mistakes import Mistake
from agent_workers.execution.agents.binding import Unbound, bound_or_not
from agent_workers.execution.agents.documents import Unread, read_document
from agent_workers.execution.agents.registry import LoadedAgent, Registry
from agent_workers.execution.values.yaml_places import NotYaml, Placed, PlacedDocument, read_yaml

# What a declaration in Python calls otherwise.
_IN_YAML: Final = {"step_timeout": "step_timeout_s", "max_cost": "max_cost_usd_per_call"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An agent as a file says it."""

    document: PlacedDocument
    agent: LoadedAgent

    def placed(self, mistake: Mistake) -> Placed:
        """Say where something is wrong that only others could tell."""
        return _placed(self.document, mistake)


def read_agents(text: str, registry: Registry, *, file: str) -> Iterator[Written | Placed]:
    """Read the agents of one file, and everything that is wrong with each."""
    try:
        documents = read_yaml(text, file=file)
    except NotYaml as error:
        yield error.placed
        return
    if not documents:
        yield Placed(file=file, line=1, mistake=Mistake("", "the file holds no agent"))
    for document in documents:
        yield from _agent(document, registry)


def _agent(document: PlacedDocument, registry: Registry) -> Iterator[Written | Placed]:
    read = read_document(document.value)
    found = Unread(mistakes=document.doubled) if document.doubled else read
    if not isinstance(found, Unread):
        bound = bound_or_not(found, registry)
        if not isinstance(bound, Unbound):
            yield Written(document=document, agent=bound)
            return
        found = Unread(mistakes=bound.mistakes)
    placed = [_placed(document, mistake) for mistake in found.mistakes]
    yield from sorted(placed, key=lambda one: one.line)


def _placed(document: PlacedDocument, mistake: Mistake) -> Placed:
    return document.placed(Mistake(_IN_YAML.get(mistake.key, mistake.key), mistake.text))
