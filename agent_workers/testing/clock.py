"""A clock that stands still until a test moves it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from typing_extensions import override

from agent_workers.domain.tools.clock import Clock

_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class FakeClock(Clock):
    """Give it to a tool that takes a `Clock`."""

    at: datetime = _BEGINNING

    @override
    def now(self) -> datetime:
        return self.at

    def advance(self, by: timedelta) -> datetime:
        """Let time pass; it never goes back."""
        if by < timedelta(0):
            raise ValueError(f"time does not go back by {by}")
        self.at += by
        return self.at
