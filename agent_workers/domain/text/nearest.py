"""Which of the known names was meant by one that is not known, in the words of an error."""

from collections.abc import Iterable
from difflib import get_close_matches

# Between 0 and 1: how much two names must have in common.
_NEAR = 0.6


def did_you_mean(name: str, known: Iterable[str], *, near: float = _NEAR) -> str:
    """Ask for the nearest name, or say nothing where none is near."""
    found = get_close_matches(name, list(known), n=1, cutoff=near)
    return f"did you mean {found[0]!r}?" if found else ""
