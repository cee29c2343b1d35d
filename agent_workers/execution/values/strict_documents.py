"""Says what is wrong with a document, in the words of whoever wrote it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from agent_workers.domain.agents.mistakes import Mistake
from agent_workers.domain.text.nearest import did_you_mean

Place: TypeAlias = tuple[int | str, ...]
_UNKNOWN: Final = {"extra_forbidden", "unexpected_keyword_argument"}
_OURS: Final = "Value error, "
_NONE: Final[Mapping[str, str]] = {}


def mistakes_of_document(
    error: ValidationError,
    members: Callable[[Place], Iterable[str]],
    *,
    whole: str,
    aliases: Mapping[str, str] = _NONE,
) -> Iterator[Mistake]:
    """Tell every mistake; `members` names what may stand at a place, `whole` what it all should be.

    `aliases`: what others call our members.
    """
    for found in error.errors(include_url=False, include_input=False, include_context=False):
        key = ".".join(str(part) for part in found["loc"])
        if found["type"] in _UNKNOWN:
            yield Mistake(key, _unknown(str(found["loc"][-1]), members(found["loc"]), aliases))
        elif not found["loc"] and found["type"] == "model_type":
            yield Mistake(key, whole)
        else:
            yield Mistake(key, _words(found))


def _unknown(name: str, members: Iterable[str], aliases: Mapping[str, str]) -> str:
    known = list(members)
    alias = aliases.get(name)
    meant = did_you_mean(alias if alias in known else name, known)
    return "there is no such member" + (f"; {meant}" if meant else "")


def _words(found: ErrorDetails) -> str:
    if found["type"] == "missing":
        return "it is missing"
    said = found["msg"].removeprefix(_OURS)
    quoted = ' (put it into quotes: "…")' if found["type"] == "string_type" else ""
    return said[:1].lower() + said[1:] + quoted
