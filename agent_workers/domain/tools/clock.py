"""What time it is, for tools that ask for it: in a test it is whatever the test says."""

from datetime import datetime
from typing import Protocol

from agent_workers.domain.tools.facility import Facility


class Clock(Facility, Protocol):
    def now(self) -> datetime:
        """Return the time, aware and in UTC."""
        ...
