"""Waits for its supervisor to die; when that happens without a word, ends all that it had started.

It holds the reading end of a pipe whose other end only the supervisor has: the kernel closes that
end however the supervisor dies, kill -9 included.
"""

import signal
import sys
from pathlib import Path

from agent_workers.embedded.errors import EmbeddedServerError
from agent_workers.local.folder import DataFolder
from agent_workers.local.leftovers import end_programs, end_servers

ALL_IS_WELL = b"stopped\n"


def main(folder: DataFolder) -> int:
    # Ctrl-C and closing terminals are the supervisor's business.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if sys.stdin.buffer.read() == ALL_IS_WELL:
        return 0
    end_programs(folder)
    try:
        end_servers(folder)
    except EmbeddedServerError:
        return 1  # somebody has started here again, and has cleaned up
    folder.forget_surroundings()
    return 0


if __name__ == "__main__":
    sys.exit(main(DataFolder(Path(sys.argv[1]))))
