"""How the scripted model streams: an answer in pieces, in the shape that litellm takes from providers."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final

_DRIP_S: Final = 0.1


def pieces_of(body: Mapping[str, Any]) -> Iterator[Mapping[str, object]]:
    """Cut a whole answer into words, its calls in one piece each, and an end with the usage."""
    choice = body["choices"][0]
    message = choice["message"]
    for word in re.findall(r"\S+\s*|\s+", message["content"] or ""):
        yield _piece(text=word)
    for index, call in enumerate(message.get("tool_calls", ())):
        yield _piece(tool_use={**call, "index": index})
    aside = message.get("provider_specific_fields")
    if aside:
        yield _piece(provider_specific_fields=aside)
    yield _piece(is_finished=True, finish_reason=choice["finish_reason"], usage=body["usage"])


async def drip() -> AsyncIterator[Mapping[str, object]]:
    """Never end: a letter now and then, so that no time-out of a single read ever strikes."""
    while True:
        await asyncio.sleep(_DRIP_S)
        yield _piece(text=".")


def _piece(**given: object) -> Mapping[str, object]:
    whole = {"text": "", "is_finished": False, "finish_reason": "", "usage": None, "index": 0}
    return whole | {"tool_use": None} | given
