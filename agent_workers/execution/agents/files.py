"""Reads files of agents: YAML with one agent in each document; every mistake names file and line."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import yaml

from agent_workers.domain.agent_mistakes import Mistake
from agent_workers.execution.agents.binding import Unbound, bound_or_not
from agent_workers.execution.agents.documents import Unread, read_document
from agent_workers.execution.agents.registry import LoadedAgent, Registry

# What a declaration in Python calls otherwise.
_IN_YAML: Final = {"step_timeout": "step_timeout_s", "max_cost": "max_cost_usd_per_call"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A mistake, and where in which file it is."""

    file: str
    line: int
    mistake: Mistake

    @property
    def text(self) -> str:
        return f"{self.file}:{self.line}: {self.mistake.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An agent as a file says it."""

    file: str
    lines: Mapping[str, int]
    agent: LoadedAgent

    def placed(self, mistake: Mistake) -> Placed:
        """Say where something is wrong that only others could tell."""
        return _placed(self.file, self.lines, mistake)


def read_agents(text: str, registry: Registry, *, file: str) -> Iterator[Written | Placed]:
    """Read the agents of one file, and everything that is wrong with each."""
    try:
        aliases = [e for e in yaml.parse(text, yaml.SafeLoader) if isinstance(e, yaml.AliasEvent)]
        if aliases:
            yield _at(file, _line(aliases[0].start_mark), "say it here: aliases are not taken")
            return
        nodes = list(yaml.compose_all(text, yaml.SafeLoader))
        values = list(yaml.safe_load_all(text))
    except yaml.MarkedYAMLError as error:
        words = error.problem or error.context
        yield _at(file, _line(error.problem_mark), f"this is no YAML: {words}")
        return
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        yield _at(file, 0, f"this is no YAML: {' '.join(str(error).split())}")
        return
    if not any(value is not None for value in values):
        yield _at(file, 0, "the file holds no agent")
    for node, value in zip(nodes, values, strict=True):
        if value is not None:
            yield from _agent(node, value, registry, file=file)


def _agent(
    node: yaml.Node, value: object, registry: Registry, *, file: str
) -> Iterator[Written | Placed]:
    lines = {"": node.start_mark.line + 1}
    doubled = list(_walk(node, (), lines))
    read = read_document(value)
    found = Unread(mistakes=tuple(doubled)) if doubled else read
    if not isinstance(found, Unread):
        bound = bound_or_not(found, registry)
        if not isinstance(bound, Unbound):
            yield Written(file=file, lines=lines, agent=bound)
            return
        found = Unread(mistakes=bound.mistakes)
    placed = [_placed(file, lines, mistake) for mistake in found.mistakes]
    yield from sorted(placed, key=lambda one: one.line)


def _walk(node: yaml.Node, path: tuple[str, ...], lines: dict[str, int]) -> Iterator[Mistake]:
    """Note the line of every member; a member that is there twice would hide the first one."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = ".".join((*path, str(key.value)))
            lines[name] = key.start_mark.line + 1
            if name in seen:
                yield Mistake(name, "it is there twice")
            seen.add(name)
            yield from _walk(value, (*path, str(key.value)), lines)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            lines[".".join((*path, str(number)))] = item.start_mark.line + 1
            yield from _walk(item, (*path, str(number)), lines)


def _line(mark: object) -> int:
    # Two kinds of marks, by what YAML is read with.
    return int(getattr(mark, "line", 0))


def _at(file: str, line: int, words: str) -> Placed:
    return Placed(file=file, line=line + 1, mistake=Mistake("", words))


def _placed(file: str, lines: Mapping[str, int], mistake: Mistake) -> Placed:
    mistake = Mistake(_IN_YAML.get(mistake.key, mistake.key), mistake.text)
    near = mistake.key
    while near and near not in lines:
        near = near.rpartition(".")[0]
    return Placed(file=file, line=lines[near], mistake=mistake)
