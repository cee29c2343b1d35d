"""Secrets of MCP servers: references to variables of the worker, which alone knows their values."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from agent_workers.domain.errors import Misdeclared

# Nothing else of a worker's environment can be asked for: not its database, not its model keys.
PREFIX: Final = "MCP_"
_REFERENCE = re.compile(r"\$\{([^}]{0,200})\}")
_NAME = re.compile(r"MCP_[A-Z0-9_]{1,100}")
_SOUNDS_SECRET = re.compile(
    r"auth|cookie|credential|key|passw|pat$|private|secret|session|token", re.IGNORECASE
)
_SHORTEST_SECRET = 6


def mistakes_in(values: Mapping[str, str]) -> Iterator[str]:
    """Say what is wrong with the variables or headers of a server."""
    for name, value in values.items():
        if not value.isprintable() or not name.isprintable() or not name:
            yield f"{name!r} must be one line of printable characters"
        references = _REFERENCE.findall(value)
        for reference in references:
            if not _NAME.fullmatch(reference):
                yield f"{name!r} refers to {reference!r}: only variables named {PREFIX}… are read"
        if not references and _SOUNDS_SECRET.search(name):
            yield (
                f"{name!r} sounds like a secret, and secrets are not stored: write "
                f"'{name}=${{{PREFIX}SOMETHING}}' and set that variable for the workers"
            )


def filled(values: Mapping[str, str], secrets: Mapping[str, str]) -> dict[str, str]:
    """Put the worker's own values in place of the references; raises `Misdeclared`."""

    def found(reference: re.Match[str]) -> str:
        name = reference.group(1)
        if not _NAME.fullmatch(name) or name not in secrets:
            raise Misdeclared(f"the variable {name} is not set for this worker")
        return secrets[name]

    return {name: _REFERENCE.sub(found, value) for name, value in values.items()}


def hidden(text: str, secrets: Mapping[str, str]) -> str:
    """Take secrets out of what a server, or an error, says."""
    for secret in sorted(secrets.values(), key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return text
