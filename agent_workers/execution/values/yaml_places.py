"""Reads YAML strictly, and remembers at which line each member stands."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

from agent_workers.domain.agents.mistakes import Mistake
from agent_workers.domain.errors import AgentWorkersError


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
class PlacedDocument:
    """One document of a file; `doubled` tells of members that would hide others."""

    file: str
    value: object
    lines: Mapping[str, int]
    doubled: tuple[Mistake, ...] = ()

    def line_of(self, key: str) -> int:
        """Return the line of a member, or of the nearest that holds it."""
        near = key
        while near and near not in self.lines:
            near = near.rpartition(".")[0]
        return self.lines[near]

    def placed(self, mistake: Mistake) -> Placed:
        return Placed(file=self.file, line=self.line_of(mistake.key), mistake=mistake)


class NotYaml(AgentWorkersError):
    """A file cannot be read as YAML at all."""

    def __init__(self, file: str, line: int, words: str) -> None:
        self.placed = Placed(file=file, line=line + 1, mistake=Mistake("", words))
        super().__init__(self.placed.text)


def read_yaml(text: str, *, file: str) -> list[PlacedDocument]:
    """Read every document of a file, or raise `NotYaml`."""
    try:
        aliases = [e for e in yaml.parse(text, yaml.SafeLoader) if isinstance(e, yaml.AliasEvent)]
        if aliases:
            line = _line(aliases[0].start_mark)
            raise NotYaml(file, line, "write the value here: aliases are not allowed")
        nodes = list(yaml.compose_all(text, yaml.SafeLoader))
        values = list(yaml.safe_load_all(text))
    except yaml.MarkedYAMLError as error:
        words = error.problem or error.context
        raise NotYaml(file, _line(error.problem_mark), f"this is not YAML: {words}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise NotYaml(file, 0, f"this is not YAML: {' '.join(str(error).split())}") from None
    pairs = zip(nodes, values, strict=True)
    return [_document(file, node, value) for node, value in pairs if value is not None]


def _document(file: str, node: yaml.Node, value: object) -> PlacedDocument:
    lines = {"": node.start_mark.line + 1}
    doubled = tuple(_walk(node, (), lines))
    return PlacedDocument(file=file, value=value, lines=lines, doubled=doubled)


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
