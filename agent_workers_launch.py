"""Starts `agent-workers`, or one of its programs, so that a signal in the first second just ends it.

It stands outside of the package, whose import takes a while: Python answers Ctrl-C with a traceback
of whatever it is importing. Until a program answers signals itself, the kernel does.
"""

import signal
import sys
from importlib import import_module

STOPS = (signal.SIGINT, signal.SIGTERM)


def main(module: str = "agent_workers.cli.main") -> int:
    """Import a module and run its `main`."""
    # Who ignores it, as what a shell runs in the background, goes on ignoring it.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Held back by `cli/start/becoming.py`, or while Python itself was starting they would be answered so.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    code: int = import_module(module).main()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv.pop(1)))
