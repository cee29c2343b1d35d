"""What the requests of one connection hold that are not answered yet, the first in front."""

from collections import deque

# What a request costs beside its bytes, about.
_EACH = 4 * 1024
# No reply is made from more of a body at once: it is refused, or read line by line as it comes.
_MOST = 2 * 1024 * 1024


class Unanswered:
    def __init__(self) -> None:
        self._sizes: deque[int] = deque()

    @property
    def total(self) -> int:
        return sum(min(size, _MOST) for size in self._sizes)

    def begin(self, size: int) -> None:
        """Count a request in whose head has this size."""
        self._sizes.append(_EACH + size)

    def add(self, size: int) -> None:
        """Count more of the body of the last one."""
        self._sizes[-1] += size

    def end_first(self) -> None:
        self._sizes.popleft()
