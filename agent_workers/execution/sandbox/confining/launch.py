"""The last thing that runs before a confined program: gives up what it may do, then becomes it.

It stands alone: it is started by its path with `-I -S`, inside the boundary, where there may be
nothing of ours. What it is told is one word of JSON; secrets never are in it.
"""

import ctypes
import json
import os
import resource
import select
import signal
import struct
import sys
import time
from collections.abc import Iterator
from typing import Any

FAILED = 125
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_PR_CAPBSET_READ, _PR_CAPBSET_DROP = 23, 24
_CAPABILITY_VERSION = 0x20080522
_SECCOMP_MODE_FILTER = 2
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF, _BENEATH, _PORT = 444, 445, 446, 1, 2
_INSTRUCTION = 8
_MANY = 1 << 16


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def main() -> None:
    told = json.loads(sys.argv[1])
    program = sys.argv[2:]
    try:
        # Not everybody who starts us closes what a worker has open.
        os.closerange(3, _descriptors())
        _give_up(told)
        os.execv(program[0], program)  # noqa: S606  # no shell is wanted
    except (OSError, ValueError) as error:
        sys.stderr.write(f"agent-workers: cannot start {program[0]}: {error}\n")
        sys.stderr.flush()
        os._exit(FAILED)


# Any: JSON, of the shapes that `confined.py` writes.
def _give_up(told: dict[str, Any]) -> None:
    """Give up rights before the filter is set: giving up takes calls that it may refuse."""
    os.umask(0o077)
    _give_up_rights(told.get("user"))
    parent = told.get("parent")
    if _is_unheard() or (isinstance(parent, int) and os.getppid() != parent):
        raise ProcessLookupError("the process that started it is gone")
    until = told.get("until")
    if isinstance(until, float):
        # The kernel ends it even where everybody who watches is frozen, or was before this line.
        signal.setitimer(signal.ITIMER_REAL, max(until - time.monotonic(), 0.001))
    if told.get("rules") or told.get("ports") is not None or told.get("scoped"):
        _set_rules(told)
    filtered = told.get("filter")
    if isinstance(filtered, str):
        _set_filter(bytes.fromhex(filtered))
    limits = told.get("limits")
    assert isinstance(limits, dict)
    for name, most in limits.items():
        _limit(getattr(resource, name), most)


def _give_up_rights(user: object) -> None:
    """Become that user, if we may choose; keep no capability, and get none."""
    if isinstance(user, int):
        _drop_bounding_set()
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    if sys.platform == "linux":
        _drop_capabilities()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _drop_bounding_set() -> None:
    """Let no program that it starts have a capability, whatever its file says."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(64):
        if libc.prctl(_PR_CAPBSET_READ, ctypes.c_ulong(capability), 0, 0, 0) == 1:
            _prctl(_PR_CAPBSET_DROP, capability)


def _drop_capabilities() -> None:
    """Give up every set: changing the user leaves some; what is ambient goes with the others."""
    head, none = struct.pack("=Ii", _CAPABILITY_VERSION, 0), bytes(24)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(head, none) != 0:
        raise OSError(ctypes.get_errno(), "cannot give up capabilities")


def _is_unheard() -> bool:
    """Say whether nobody is left to read what comes out.

    Bubblewrap binds itself to its parent's life only once it has set everything up: who was killed
    before that is seen here, and whoever is killed later is seen by bubblewrap.
    """
    output = select.poll()
    output.register(1, 0)
    return any(seen & (select.POLLERR | select.POLLHUP) for _, seen in output.poll(0))


def _descriptors() -> int:
    """Name a number that no open descriptor reaches."""
    try:
        return max(int(name) for name in os.listdir("/proc/self/fd")) + 1  # noqa: PTH208  # starts sooner
    except OSError:
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return _MANY if most == resource.RLIM_INFINITY else min(most, _MANY)


def _limit(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    least = most if hard == resource.RLIM_INFINITY else min(most, hard)
    # At the hard bound of time the kernel kills without a word: a second before it says why.
    warns = kind == resource.RLIMIT_CPU and (hard == resource.RLIM_INFINITY or least < hard)
    last = least + 1 if warns else least
    try:
        resource.setrlimit(kind, (least, last))
    except (OSError, ValueError):
        # Other kernels do not know every limit; whoever started us says so to people.
        if sys.platform == "linux":
            raise


def _set_rules(told: dict[str, Any]) -> None:
    """Let Landlock refuse what no rule allows; what this user cannot reach needs no rule."""
    handled = [told.get("handled", 0), told.get("net", 0), told.get("scoped", 0)]
    # Older kernels know files only, and refuse to be told of more.
    while len(handled) > 1 and not handled[-1]:
        handled.pop()
    packed = struct.pack(f"={len(handled)}Q", *handled)
    ruleset = _syscall(_CREATE_RULESET, packed, len(packed), 0)
    for place, rights in told.get("rules", ()):
        for inner, left in _beside(os.path.realpath(place), rights, told):
            _allow(ruleset, inner, left)
    for port, rights in told.get("ports", ()):
        _syscall(_ADD_RULE, ruleset, _PORT, struct.pack("=QQ", rights, port), 0)
    _syscall(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, place: str, rights: int) -> None:
    try:
        found = os.open(place, os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return
    _syscall(_ADD_RULE, ruleset, _BENEATH, struct.pack("=Qi", rights, found), 0)
    os.close(found)


def _beside(place: str, rights: int, told: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Name what is in a place beside what is hidden: a rule counts for all that is below it."""
    hidden = told.get("hides", ())
    if any(f"{place}/".startswith(f"{one}/") for one in hidden):
        return
    if not any(one.startswith(f"{place.rstrip('/')}/") for one in hidden):
        yield place, rights
        return
    # Names may be listed, as importing needs; what they name is another right.
    yield place, rights & told["lists"]
    try:
        entries = [one for one in os.scandir(place) if not one.is_symlink()]
    except OSError:
        return
    for one in entries:
        is_folder = one.is_dir(follow_symlinks=False)
        yield from _beside(one.path, rights if is_folder else rights & told["of_files"], told)


def _syscall(number: int, *values: int | bytes) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    words = [value if isinstance(value, bytes) else ctypes.c_long(value) for value in values]
    result: int = libc.syscall(ctypes.c_long(number), *words)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _set_filter(instructions: bytes) -> None:
    kept = ctypes.create_string_buffer(instructions, len(instructions))
    program = _Filter(len(instructions) // _INSTRUCTION, ctypes.addressof(kept))
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program))


def _prctl(option: int, *values: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    words = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    if libc.prctl(ctypes.c_int(option), *words) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    main()
