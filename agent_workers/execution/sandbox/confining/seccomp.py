"""The system call filter of confined programs, as the bytes that the kernel takes."""

import platform
import struct
from collections.abc import Iterator, Sequence
from typing import Final

from agent_workers.execution.sandbox.confining import calls
from agent_workers.execution.sandbox.confining.calls import Numbers

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
    denied = calls.DENIED | calls.DENIED_SHARED
    if alone:
        denied |= calls.DENIED_ALONE
    if beside_others:
        denied |= calls.DENIED_BESIDE_OTHERS
    numbers = [number for pair in denied.values() if (number := pair[column]) is not None]
    written = [
        (_LOAD, 0, 0, _AT_ARCH),
        (_JEQ, 1, 0, arch),
        (_RET, 0, 0, _KILL),
        (_LOAD, 0, 0, _AT_NUMBER),
        (_JGE, 0, 1, _X32),
        _refuse(_EPERM),
        *_refusing(_number(calls.CLONE3, column), _ENOSYS),
        *(one for number in numbers for one in _refusing(number, _EPERM)),
        *_on(_number(calls.CLONE, column), _AT_FIRST, _cloning(alone=alone)),
        *_on(_number(calls.SOCKET, column), _AT_FIRST, _opening(families)),
        *_on(_number(calls.SOCKETPAIR, column), _AT_FIRST, [*_allowing(_UNIX), _refuse(_EPERM)]),
        *_on(_number(calls.IOCTL, column), _AT_SECOND, _but(_TIOCSTI, _TIOCLINUX)),
        *_on(_number(calls.FCNTL, column), _AT_SECOND, _but(_SETLEASE)),
        *_on(_number(calls.PRLIMIT, column), _AT_FIRST, _itself()),
        *_on(_number(calls.MMAP, column), _AT_FOURTH, _mapping()),
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
    for pair in calls.OF_A_PROCESS.values():
        yield from _on(_number(pair, column), _AT_FIRST, _itself())
    for pair, process in calls.OF_A_KIND.values():
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
