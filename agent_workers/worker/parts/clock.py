"""The time of this machine, for tools that ask for a clock."""

from datetime import UTC, datetime

from typing_extensions import override

from agent_workers.domain.tools.clock import Clock


class SystemClock(Clock):
    @override
    def now(self) -> datetime:
        return datetime.now(UTC)
