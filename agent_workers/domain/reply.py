"""What came back from a tool that leaves a mark: it acted, it certainly did not, or who knows."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent_workers.domain.step import Broke, ToolFailed
from agent_workers.domain.tools.tool import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """The tool acted and replied."""

    result: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NotDone:
    """The tool certainly did not act."""

    broke: Broke | ToolFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclear:
    """The tool may or may not have acted."""

    broke: Broke


Reply = Happened | NotDone | Unclear


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a look-up saw of an effect; `broke` when the look-up itself failed."""

    found: bool = False
    result: bytes | None = None
    contradictory: str = ""
    broke: Broke | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a transactional tool wants done in our own database, and its result."""

    statements: Sequence[Statement]
    result: bytes
