"""The system call filter, run by an interpreter of its own: what it lets through, and what not."""

import struct

import pytest

from agent_workers.execution.sandbox.confining.seccomp import filter_of

ALLOW, REFUSE, UNKNOWN, KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
X86, ARM = 0xC000003E, 0xC00000B7
OPEN, CLONE, CLONE3, SOCKET, IOCTL, UNSHARE, URING, FORK, SETSID, PRLIMIT = (
    257, 56, 435, 41, 16, 272, 425, 57, 112, 302,
)  # fmt: skip


def decide(program: bytes, number: int, *arguments: int, arch: int = X86) -> int:
    """Run the filter as the kernel would."""
    seen = struct.pack("=IIQ6Q", number, arch, 0, *(*arguments, 0, 0, 0, 0, 0, 0)[:6])
    steps = list(struct.iter_unpack("=HBBI", program))
    at = loaded = 0
    while True:
        code, yes, no, value = steps[at]
        at += 1
        if code == 0x06:
            return int(value)
        if code == 0x20:
            loaded = struct.unpack_from("=I", seen, value)[0]
            continue
        if code == 0x54:
            loaded &= value
            continue
        holds = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}[code]
        at += yes if holds else no


SERVER = filter_of(families=(1, 2), alone=False, beside_others=False, machine="x86_64")
CODE = filter_of(families=(), alone=True, beside_others=True, machine="x86_64")
SOCKETPAIR, SHMGET, SHMCTL, VMSPLICE, MODIFY_LDT, MEMFD, MMAP = 53, 29, 31, 278, 154, 319, 9
AFFINITY, SCHEDULER, IO_PRIORITY, PRIORITY = 203, 144, 251, 141
OWN, OTHER = 0, 77
FCNTL, LEASE = 72, 1024
SHARED, PRIVATE, VALIDATED, ANONYMOUS, GROWS_DOWN, STACK = 1, 2, 3, 0x20, 0x100, 0x20000
STREAM, DATAGRAM, RAW, SEQUENCE, CLOEXEC = 1, 2, 3, 5, 0o2000000
ICMP, TCP, UDP, MPTCP = 1, 6, 17, 262
NEW_USER, THREAD, SIBLING, TYPE_INTO = 0x10000000, 0x00010000, 0x00008000, 0x5412


@pytest.mark.parametrize(
    ("call", "server", "code"),
    [
        ((OPEN,), ALLOW, ALLOW),
        ((UNSHARE,), REFUSE, REFUSE),
        ((URING,), REFUSE, REFUSE),
        ((CLONE3,), UNKNOWN, UNKNOWN),
        ((CLONE, NEW_USER), REFUSE, REFUSE),
        ((CLONE, NEW_USER | THREAD), REFUSE, REFUSE),
        ((CLONE, 17), ALLOW, REFUSE),
        ((CLONE, 17 | SIBLING), REFUSE, REFUSE),
        ((CLONE, THREAD), ALLOW, ALLOW),
        ((FORK,), ALLOW, REFUSE),
        ((SETSID,), ALLOW, REFUSE),
        ((SOCKET, 1), ALLOW, REFUSE),
        ((SOCKET, 40), REFUSE, REFUSE),
        ((SOCKET, 2, STREAM | CLOEXEC, TCP), ALLOW, REFUSE),
        ((SOCKET, 2, STREAM | CLOEXEC, 0), ALLOW, REFUSE),
        ((SOCKET, 2, DATAGRAM, UDP), ALLOW, REFUSE),
        ((SOCKET, 2, STREAM, MPTCP), REFUSE, REFUSE),
        ((SOCKET, 2, DATAGRAM, ICMP), REFUSE, REFUSE),
        ((SOCKET, 2, SEQUENCE, 0), REFUSE, REFUSE),
        ((SOCKET, 2, RAW, TCP), REFUSE, REFUSE),
        ((SOCKET, 1, SEQUENCE, 0), ALLOW, REFUSE),
        ((SOCKETPAIR, 1, STREAM), ALLOW, ALLOW),
        ((SOCKETPAIR, 30, STREAM), REFUSE, REFUSE),
        ((SHMGET,), REFUSE, REFUSE),
        ((SHMCTL,), REFUSE, REFUSE),
        ((MEMFD,), REFUSE, REFUSE),
        ((MMAP, 0, 9, 3, SHARED | ANONYMOUS), REFUSE, REFUSE),
        ((MMAP, 0, 9, 3, VALIDATED | ANONYMOUS), REFUSE, REFUSE),
        ((MMAP, 0, 9, 3, PRIVATE | ANONYMOUS | GROWS_DOWN), REFUSE, REFUSE),
        ((MMAP, 0, 9, 3, PRIVATE | ANONYMOUS | STACK), ALLOW, ALLOW),
        ((MMAP, 0, 9, 3, SHARED), ALLOW, ALLOW),
        ((AFFINITY, OWN), ALLOW, ALLOW),
        ((AFFINITY, OTHER), ALLOW, REFUSE),
        ((SCHEDULER, OTHER), ALLOW, REFUSE),
        ((IO_PRIORITY, 1, OWN), ALLOW, ALLOW),
        ((IO_PRIORITY, 1, OTHER), ALLOW, REFUSE),
        ((IO_PRIORITY, 3, OWN), ALLOW, REFUSE),
        ((PRIORITY, 0, OWN), ALLOW, ALLOW),
        ((PRIORITY, 0, OTHER), ALLOW, REFUSE),
        ((PRIORITY, 2, OWN), ALLOW, REFUSE),
        ((VMSPLICE,), REFUSE, REFUSE),
        ((MODIFY_LDT,), REFUSE, REFUSE),
        ((IOCTL, 0, TYPE_INTO), REFUSE, REFUSE),
        ((IOCTL, 0, 0x5401), ALLOW, ALLOW),
        ((FCNTL, 0, LEASE), REFUSE, REFUSE),
        ((FCNTL, 0, 1), ALLOW, ALLOW),
        ((PRLIMIT, 0), ALLOW, ALLOW),
        ((PRLIMIT, 77), REFUSE, REFUSE),
        ((0x40000000 | OPEN,), REFUSE, REFUSE),
    ],
)
def test_each_call_is_decided(call: tuple[int, ...], server: int, code: int) -> None:
    assert (decide(SERVER, *call), decide(CODE, *call)) == (server, code)


def test_a_call_in_the_words_of_another_processor_ends_the_process() -> None:
    assert decide(SERVER, OPEN, arch=ARM) == KILL


def test_another_processor_has_numbers_of_its_own() -> None:
    arm = filter_of(families=(), alone=True, beside_others=True, machine="aarch64")
    assert decide(arm, 220, 17, arch=ARM) == REFUSE
    assert decide(arm, 198, 2, arch=ARM) == REFUSE
