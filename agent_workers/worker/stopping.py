"""Whether a worker is about to end: known to its main process and its prefork children at once."""

import mmap


class Stopping:
    """A flag in memory that forked children share with their parent; one reading costs nothing.

    Celery tells only its main process of a warm shutdown. A child would go on with its slice, and
    the worker would end half a minute later, or be killed.
    """

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, 1)  # anonymous and shared

    def set(self) -> None:
        self._page[0] = 1

    def is_set(self) -> bool:
        return self._page[0] != 0
