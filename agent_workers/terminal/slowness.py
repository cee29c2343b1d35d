"""Says on stderr what a command is doing, once that has taken so long that people wonder."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_LONG_S: Final = 2.0


@contextmanager
def told_when_slow(doing: str, *, after_s: float = _LONG_S) -> Iterator[None]:
    """Say it once, and only if what stands inside takes longer than that."""

    def tell() -> None:
        print(doing, file=sys.stderr, flush=True)

    timer = threading.Timer(after_s, tell)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
