"""Trouble: what an exception told of itself before it was gone; kept with the step that failed."""

from dataclasses import dataclass
from typing import Final

from agent_workers.domain.text.encoding import canonical
from agent_workers.domain.text.redaction import without_secrets

# In characters; so much of a traceback shows the failure, and a step that fails often stays small.
MOST_OF_TRACEBACK: Final = 8_192
_LONGEST_MESSAGE: Final = 2_000
_LONGEST_NAME: Final = 200
_LONGEST_PLACE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """The exception's type, the place in the user's code (`tools.py:12 in lookup`), the way there."""

    type: str
    where: str = ""
    traceback: str = ""

    @property
    def line(self) -> str:
        """The place without its function: `tools.py:12`."""
        return self.where.rpartition(" in ")[0] or self.where


def trouble_told(told: object) -> Trouble | None:
    """Read what another process told of an exception: of any shape, and of any length."""
    if not isinstance(told, dict) or not isinstance(told.get("type"), str):
        return None
    where, way = (str(told.get(name) or "") for name in ("where", "traceback"))
    way = without_secrets(way, longest=2 * MOST_OF_TRACEBACK)
    return Trouble(
        type=told["type"][:_LONGEST_NAME],
        where=where[:_LONGEST_PLACE],
        traceback=shortened(way.splitlines(keepends=True)),
    )


def shortened(lines: list[str]) -> str:
    """Cut in the middle, between lines: where it began and what was raised say most."""
    whole = "".join(lines)
    if len(whole) <= MOST_OF_TRACEBACK:
        return whole
    # Each line may be as long as all of it: at least the beginning of the first is kept.
    head, tail = _upto(lines, MOST_OF_TRACEBACK // 3), _upto(lines[::-1], MOST_OF_TRACEBACK // 2)
    left_out = f"  [… {len(lines) - head - tail} lines left out …]\n"
    kept = [*lines[:head], left_out, *lines[len(lines) - tail :]]
    return "".join(kept) if head + tail else whole[:MOST_OF_TRACEBACK]


def error_text(code: str, message: str, trouble: Trouble | None) -> bytes:
    """Write a step's error as it is stored and shown."""
    told = trouble or Trouble(type="")
    rest = {"type": told.type, "where": told.where, "traceback": told.traceback}
    error = {"code": code, "message": message[:_LONGEST_MESSAGE]}
    shown = {name: storable(text) for name, text in error.items()}
    return canonical(shown | {name: storable(text) or None for name, text in rest.items()})


def storable(text: str) -> str:
    """Leave out what Postgres refuses in text: NUL, and halves of pairs."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _upto(lines: list[str], most: int) -> int:
    """Count how many of the first lines fit."""
    length = 0
    for count, line in enumerate(lines):
        length += len(line)
        if length > most:
            return count
    return len(lines)
