"""An answer of a tool that is kept, to be given again when the tool has failed for good."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """The tool that gave it, its result as JSON, and when that was."""

    tool: str
    result: bytes
    at: datetime
