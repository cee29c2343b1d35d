"""Ends a process that does no work any more, and says where it stands."""

import faulthandler
import os
import threading
import time
from collections.abc import Callable

# Longer than any honest call holds the interpreter's lock, and than a machine is paused now and then.
PATIENCE_S = 120.0


def end_when_stalled(patience_s: float = PATIENCE_S) -> None:
    """End this process once none of its threads has run for so long; whoever started it starts it again.

    The timer is in C and needs no lock of the interpreter, so it works where signals are not heard.
    """

    def put_off() -> None:
        while True:
            faulthandler.dump_traceback_later(patience_s, exit=True)
            time.sleep(patience_s / 8)

    threading.Thread(target=put_off, name="stalls", daemon=True).start()


def end_when(hangs: Callable[[], bool], *, look_every_s: float = 5.0) -> None:
    """End this process once it says of itself that it hangs."""

    def look() -> None:
        while not hangs():
            time.sleep(look_every_s)
        faulthandler.dump_traceback(all_threads=True)
        os._exit(1)

    threading.Thread(target=look, name="hangs", daemon=True).start()
