"""Names of tools as providers take them, and back: they know no dots, as in `server.tool`."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Final

from agent_workers.execution.models.values import ToolSchema

_LONGEST: Final = 64
_TAKEN = re.compile(rf"[A-Za-z0-9_-]{{1,{_LONGEST}}}")
_OTHERS = re.compile(r"[^A-Za-z0-9_-]")
_MARK: Final = 8


def sent_name(name: str) -> str:
    """Return a name that every provider takes; the same one for the same tool, always."""
    plain = _OTHERS.sub("_", name.replace(".", "__"))
    if _TAKEN.fullmatch(plain):
        return plain
    mark = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:_MARK]
    return f"{plain[: _LONGEST - _MARK - 1]}_{mark}"


def names_of(tools: Iterable[ToolSchema]) -> Mapping[str, str]:
    """Return which tool is meant by a name that was sent; a tool's own name is never another's."""
    names = [tool.name for tool in tools]
    return {sent_name(name): name for name in names} | {name: name for name in names}
