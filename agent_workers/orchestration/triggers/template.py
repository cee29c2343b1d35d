"""A trigger's template, taken apart once: plain text, and the expressions that stand in ${…}."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from agent_workers.domain.triggers.trigger import TriggerRefused

_NOTABLE: Final = re.compile(r"""[{}"'\\]""")
# What taking it apart takes: of each value, and of each character.
_STEPS_PER_VALUE: Final = 8
_CHARACTERS_PER_STEP: Final = 2


@dataclass(frozen=True, slots=True)
class Written:
    """An expression, as it stands in a template."""

    source: str


@dataclass(frozen=True, slots=True)
class Text:
    """A text, in parts; one that is a single expression has the type of its value."""

    parts: tuple[str | Written, ...]


class Template:
    """`whole` is JSON whose texts are `Text`; `steps` is what taking it apart took."""

    def __init__(self, template: object) -> None:
        self.steps = 0
        self.expressions: list[str] = []
        self.whole = self._apart(template)

    def _apart(self, template: object) -> object:
        self.steps += _STEPS_PER_VALUE
        match template:
            case str():
                return self._text(template)
            case dict():
                return {name: self._apart(value) for name, value in template.items()}
            case list():
                return [self._apart(value) for value in template]
            case _:
                return template

    def _text(self, text: str) -> Text:
        self.steps += len(text) // _CHARACTERS_PER_STEP
        parts: list[str | Written] = []
        plain: list[str] = []
        for part in _parts(text):
            if isinstance(part, str):
                plain.append(part)
                continue
            if plain:
                parts.append("".join(plain))
                plain = []
            parts.append(part)
            self.expressions.append(part.source)
        if plain or not parts:
            parts.append("".join(plain))
        return Text(tuple(parts))


def _parts(text: str) -> Iterator[str | Written]:
    """Split a text at its ${…}; `$${` is a plain `${`."""
    at = 0
    while at < len(text):
        start = text.find("${", at)
        if start < 0:
            yield text[at:]
            return
        if start > at and text[start - 1] == "$":
            yield text[at : start - 1] + "${"
            at = start + 2
            continue
        if start > at:
            yield text[at:start]
        end = _end(text, start + 2)
        yield Written(text[start + 2 : end])
        at = end + 1


def _end(text: str, start: int) -> int:
    """Find the brace that ends an expression: not one of its own maps, nor one in its texts."""
    depth, quote, behind = 0, "", start
    for found in _NOTABLE.finditer(text, start):
        one, at = found.group(), found.start()
        if at < behind:
            continue  # a backslash stands before it
        if quote:
            behind = at + 2 if one == "\\" else at
            quote = "" if one == quote else quote
        elif one in "\"'":
            quote = one
        elif one == "{":
            depth += 1
        elif one == "}" and depth == 0:
            return at
        elif one == "}":
            depth -= 1
    raise TriggerRefused("a ${ is not closed", pointer="/input")
