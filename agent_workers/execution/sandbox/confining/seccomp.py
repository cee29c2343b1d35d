"""The system call filter of confined programs: what is denied, and the bytes that the kernel takes."""

import platform
import struct
from collections.abc import Iterator, Sequence
from typing import Final

# Numbers on x86_64 and aarch64; None: that machine never had it.
Numbers = tuple[int | None, int | None]

# Ways into the kernel that no ordinary program goes, and ways around the filter (io_uring).
DENIED: Final[dict[str, Numbers]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "migrate_pages": (256, 238),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "name_to_handle_at": (303, 264),
    "nfsservctl": (180, 42),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "uselib": (134, None),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
    "vmsplice": (278, 75),
}
# Memory that no limit of a process counts, and what processes of one user share by a number or a
# name: ours, and those of any server that runs as the same user.
DENIED_SHARED: Final[dict[str, Numbers]] = {
    "map_shadow_stack": (453, 453),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "msgctl": (71, 187),
    "msgget": (68, 186),
    "msgrcv": (70, 188),
    "msgsnd": (69, 189),
    "semctl": (66, 191),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmget": (29, 194),
}
DENIED_ALONE: Final[dict[str, Numbers]] = {"fork": (57, None), "vfork": (58, None)}
# Whoever stays in its group is ended with it.
DENIED_BESIDE_OTHERS: Final[dict[str, Numbers]] = {"setpgid": (109, 154), "setsid": (112, 157)}
# These change the process whose number they are given; 0 is the one that asks.
OF_A_PROCESS: Final[dict[str, Numbers]] = {
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
}
# The same, with the kind of number before it: of a process, a group, or a whole user.
OF_A_KIND: Final[dict[str, tuple[Numbers, int]]] = {
    "ioprio_set": ((251, 30), 1),
    "setpriority": ((141, 140), 0),
}
FCNTL: Final[Numbers] = (72, 25)
CLONE: Final[Numbers] = (56, 220)
CLONE3: Final[Numbers] = (435, 435)
SOCKET: Final[Numbers] = (41, 198)
SOCKETPAIR: Final[Numbers] = (53, 199)
IOCTL: Final[Numbers] = (16, 29)
PRLIMIT: Final[Numbers] = (302, 261)
MMAP: Final[Numbers] = (9, 222)


_MACHINES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_X32 = 0x40000000
_NEW_NAMESPACES = 0x7E020000
_THREAD = 0x00010000
# Whose child of its own making would be its worker's, which does not know of it.
_SIBLING = 0x00008000
_SHARED, _ANONYMOUS, _GROWS_DOWN = 0x1, 0x20, 0x100
# Typing into the terminal of whoever started us.
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
# Whoever has one on a file holds up all others who open it.
_SETLEASE = 1024
_UNIX: Final = 1
# Streams and datagrams of the protocols that programs know: MPTCP and SCTP go where TCP may not,
# and asking for a raw socket by another number is asking for the kernel's rarest code.
_KINDS, _KIND_OF, _RAW = (1, 2), 0xF, 3
_PROTOCOLS: Final = (0, 6, 17)
_NETLINK: Final = 16

_EPERM, _ENOSYS = 1, 38
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _JEQ, _JGE, _JSET, _RET, _AND = 0x20, 0x15, 0x35, 0x45, 0x06, 0x54
_AT_NUMBER, _AT_ARCH, _AT_FIRST, _AT_SECOND, _AT_THIRD, _AT_FOURTH = 0, 4, 16, 24, 32, 40

Instruction = tuple[int, int, int, int]


def is_known(machine: str) -> bool:
    """Say whether there is a filter for this kind of processor."""
    return machine in _MACHINES


def filter_of(
    *,
    families: Sequence[int],
    alone: bool,
    beside_others: bool,
    machine: str | None = None,
) -> bytes:
    """Write the filter: which kinds of sockets may be opened, and what of processes.

    `alone`: threads, but no other process. `beside_others`: it has no machine of its own, so it
    changes no process but itself, and whatever it starts stays in its group.
    """
    column, arch = _MACHINES[machine or platform.machine()]
    denied = DENIED | DENIED_SHARED
    if alone:
        denied |= DENIED_ALONE
    if beside_others:
        denied |= DENIED_BESIDE_OTHERS
    numbers = [number for pair in denied.values() if (number := pair[column]) is not None]
    written = [
        (_LOAD, 0, 0, _AT_ARCH),
        (_JEQ, 1, 0, arch),
        (_RET, 0, 0, _KILL),
        (_LOAD, 0, 0, _AT_NUMBER),
        (_JGE, 0, 1, _X32),
        _refuse(_EPERM),
        *_refusing(_number(CLONE3, column), _ENOSYS),
        *(one for number in numbers for one in _refusing(number, _EPERM)),
        *_on(_number(CLONE, column), _AT_FIRST, _cloning(alone=alone)),
        *_on(_number(SOCKET, column), _AT_FIRST, _opening(families)),
        *_on(_number(SOCKETPAIR, column), _AT_FIRST, [*_allowing(_UNIX), _refuse(_EPERM)]),
        *_on(_number(IOCTL, column), _AT_SECOND, _but(_TIOCSTI, _TIOCLINUX)),
        *_on(_number(FCNTL, column), _AT_SECOND, _but(_SETLEASE)),
        *_on(_number(PRLIMIT, column), _AT_FIRST, _itself()),
        *_on(_number(MMAP, column), _AT_FOURTH, _mapping()),
        *(_changing(column) if beside_others else ()),
        (_RET, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *one) for one in written)


def _number(pair: Numbers, column: int) -> int:
    number = pair[column]
    assert number is not None
    return number


def _refuse(code: int) -> Instruction:
    return (_RET, 0, 0, _ERRNO | code)


def _refusing(number: int, code: int) -> Iterator[Instruction]:
    yield (_JEQ, 0, 1, number)
    yield _refuse(code)


def _on(number: int, argument: int, then: Sequence[Instruction]) -> Iterator[Instruction]:
    """Look at one argument of one call; `then` always ends in a return."""
    yield (_JEQ, 0, 1 + len(then), number)
    yield (_LOAD, 0, 0, argument)
    yield from then


def _cloning(*, alone: bool) -> list[Instruction]:
    rules: list[Instruction] = [(_JSET, 0, 1, _NEW_NAMESPACES | _SIBLING), _refuse(_EPERM)]
    if alone:
        rules += [(_JSET, 1, 0, _THREAD), _refuse(_EPERM)]
    return [*rules, (_RET, 0, 0, _ALLOW)]


def _opening(families: Sequence[int]) -> list[Instruction]:
    """Allow what each family is used for; Unix sockets reach what files do, whatever their kind."""
    plain = [one for one in families if one != _UNIX]
    allowed = [one for family in families if family == _UNIX for one in _allowing(family)]
    for family in plain:
        kinds = (*_KINDS, _RAW) if family == _NETLINK else _KINDS
        then = [(_LOAD, 0, 0, _AT_SECOND), (_AND, 0, 0, _KIND_OF), *_one_of(kinds)]
        then += [(_LOAD, 0, 0, _AT_THIRD), *_one_of(_PROTOCOLS), (_RET, 0, 0, _ALLOW)]
        allowed += [(_JEQ, 0, len(then), family), *then]
    return [*allowed, _refuse(_EPERM)]


def _one_of(values: Sequence[int]) -> Iterator[Instruction]:
    """Go on with one of these values; refuse any other."""
    for place, value in enumerate(values):
        yield (_JEQ, len(values) - place, 0, value)
    yield _refuse(_EPERM)


def _allowing(value: int) -> Iterator[Instruction]:
    yield (_JEQ, 0, 1, value)
    yield (_RET, 0, 0, _ALLOW)


def _itself() -> list[Instruction]:
    """Only of itself: a worker of the same user is not its to change."""
    return [*_allowing(0), _refuse(_EPERM)]


def _changing(column: int) -> Iterator[Instruction]:
    """Let it change how the kernel runs itself, and nobody else."""
    for pair in OF_A_PROCESS.values():
        yield from _on(_number(pair, column), _AT_FIRST, _itself())
    for pair, process in OF_A_KIND.values():
        then = [(_JEQ, 1, 0, process), _refuse(_EPERM), (_LOAD, 0, 0, _AT_SECOND), *_itself()]
        yield from _on(_number(pair, column), _AT_FIRST, then)


def _mapping() -> list[Instruction]:
    """Refuse memory that no limit counts: what is shared without a file, and stacks that grow."""
    return [
        (_JSET, 0, 1, _GROWS_DOWN),
        _refuse(_EPERM),
        (_JSET, 0, 2, _ANONYMOUS),
        (_JSET, 0, 1, _SHARED),
        _refuse(_EPERM),
        (_RET, 0, 0, _ALLOW),
    ]


def _but(*values: int) -> list[Instruction]:
    """Refuse these values; allow any other."""
    refused = [one for value in values for one in _refusing(value, _EPERM)]
    return [*refused, (_RET, 0, 0, _ALLOW)]
