"""Money and tokens: integers, their sums, and nothing that rounds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What model calls used, and their price in micro-USD."""

    input: int = 0
    cached: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    cost_micro: int = 0
    calls: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        """Add two usages, field by field."""
        return Usage(
            input=self.input + other.input,
            cached=self.cached + other.cached,
            cache_write=self.cache_write + other.cache_write,
            output=self.output + other.output,
            reasoning=self.reasoning + other.reasoning,
            cost_micro=self.cost_micro + other.cost_micro,
            calls=self.calls + other.calls,
        )


NO_USAGE = Usage()
