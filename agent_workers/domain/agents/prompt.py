"""Prompts with strict variables: `{{name}}` stands for a value, and nothing else may stand there."""

import hashlib
import re
from collections.abc import Iterator, Mapping

from agent_workers.domain.errors import Misdeclared

# A backslash before the braces takes them as they are.
_BRACES = re.compile(r"\\\{\{|\{\{(?P<name>.*?)\}\}|\{\{", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHOWN = 40


def variables_of(text: str) -> frozenset[str]:
    """Return the names of the variables in a text; refuse braces that name none."""
    return frozenset(name for _, name in _named(text))


def filled(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of variables; what a value contains is never looked at again."""
    unknown = sorted(variables_of(text) - values.keys())
    if unknown:
        known = ", ".join(sorted(values)) or "none"
        raise Misdeclared(f"unknown variable {unknown[0]!r}; known: {known}")

    def value(found: re.Match[str]) -> str:
        name = found["name"]
        return "{{" if name is None else values[name.strip()]

    return _BRACES.sub(value, text)


def prompt_hash(text: str) -> str:
    """Return the hash of a prompt as its author wrote it."""
    return hashlib.sha256(text.encode()).hexdigest()


def _named(text: str) -> Iterator[tuple[int, str]]:
    line, counted = 1, 0
    for found in _BRACES.finditer(text):
        if found[0].startswith("\\"):
            continue
        line += text.count("\n", counted, found.start())
        counted = found.start()
        if found["name"] is None:
            raise Misdeclared(f"line {line} of the text: '{{{{' is never closed")
        name = found["name"].strip()
        if not _NAME.fullmatch(name):
            shown = found[0][:_SHOWN]
            raise Misdeclared(
                f"line {line} of the text: {shown!r} is not a variable (write \\{{{{ for braces)"
            )
        yield line, name
