"""What files a confined child process may touch, where there is no machine of its own: Landlock.

Whoever is behind it can also not look into processes outside, whatever user they are of: not into
their memory, and not into the environment that they were started with.
"""

import ctypes
import os
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from agent_workers.execution.sandbox.confining.hiding import masks

_CREATE_RULESET: Final = 444
_ASK_VERSION: Final = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REFER, _TRUNCATE = 1 << 13, 1 << 14
# Everything that the first version knows: removing and making of every kind, too.
_FIRST: Final = (1 << 13) - 1
_OF_FILES: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_READING: Final = _EXECUTE | _READ_FILE | _READ_DIR
_SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc", "/opt", "/proc")
# Where programs expect to write. Not /dev/shm: there lies the memory of this user's servers.
_WRITABLE: Final = "/tmp"  # noqa: S108
# Not the others: a terminal that this user has open is a device, too.
_DEVICES: Final = ("/dev/null", "/dev/full")
# Who may write to /dev/zero can share memory that no limit counts.
_DEVICES_TO_READ: Final = ("/dev/zero", "/dev/random", "/dev/urandom")
_ABSTRACT_SOCKETS, _SIGNALS = 1 << 0, 1 << 1
_BIND, _CONNECT = 1 << 0, 1 << 1

# A path, and what may be done below it.
Rule = tuple[str, int]
# So that whoever sets the rules can allow everything beside what is hidden, and no more.
KINDS: Final = {"of_files": _OF_FILES, "lists": _READ_DIR}


@lru_cache(maxsize=1)
def version() -> int:
    """Return the version of Landlock that this kernel has; 0: none."""
    if sys.platform != "linux":
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    found: int = libc.syscall(
        ctypes.c_long(_CREATE_RULESET), None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION)
    )
    return max(found, 0)


def handled() -> int:
    """Return what is refused wherever no rule allows it."""
    known = _FIRST
    known |= _REFER if version() >= 2 else 0  # noqa: PLR2004  # when it came
    return known | (_TRUNCATE if version() >= 3 else 0)  # noqa: PLR2004  # as above


def rules(reads: Sequence[Path], hides: Sequence[Path]) -> list[Rule]:
    """Allow reading the system and `reads`, and writing where everybody may.

    Whoever writes somewhere could write into what is hidden there: then nobody writes there.
    """
    resolver = os.path.realpath("/etc/resolv.conf")
    readable = (*_SYSTEM, *_DEVICES_TO_READ, resolver, *(str(path) for path in reads))
    return [
        *(_rule(place, _READING) for place in dict.fromkeys(readable) if Path(place).exists()),
        *(_rule(place, handled()) for place in (*writable(hides), *_DEVICES)),
    ]


def writable(hides: Sequence[Path]) -> tuple[str, ...]:
    """Name where a program may write."""
    return () if list(masks(Path(_WRITABLE), hides)) else (_WRITABLE,)


def scoped() -> int:
    """Return what reaches nobody outside, even of the same user; 0: this kernel cannot say so."""
    return _ABSTRACT_SOCKETS | _SIGNALS if version() >= 6 else 0  # noqa: PLR2004  # when it came


def knows_ports() -> bool:
    """Say whether this kernel can keep a program to ports."""
    return version() >= 4  # noqa: PLR2004  # when it came


def ports(allowed: Sequence[int]) -> dict[str, object]:
    """Allow TCP connections to these ports, and no others, nor any from outside."""
    if not knows_ports():
        return {}
    return {"net": _BIND | _CONNECT, "ports": [(one, _CONNECT) for one in allowed]}


def _rule(place: str, rights: int) -> Rule:
    wanted = rights & handled()
    return place, wanted if Path(place).is_dir() else wanted & _OF_FILES
