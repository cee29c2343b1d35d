"""The command line of bubblewrap: an empty machine with the system's programs, and nothing else."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from agent_workers.execution.sandbox.ports import MIB

# Where merged distributions have links, others have folders.
_SYSTEM: Final = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC: Final = (
    "alternatives", "ca-certificates", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime",
    "mime.types", "nsswitch.conf", "pki/ca-trust", "pki/tls", "protocols", "services", "ssl/certs",
    "ssl/openssl.cnf",
)  # fmt: skip
_ETC_ONLINE: Final = ("gai.conf", "host.conf", "hosts", "resolv.conf")
_SHARED_MEMORY = 16 * MIB


def inside(
    bwrap: str, *, reads: Sequence[Path], network: bool, disk: int, as_root: bool
) -> list[str]:
    """Return what stands before a program: only `reads` of this machine's own files are there."""
    return [
        bwrap,
        *_namespaces(network=network, as_root=as_root),
        *_system(network=network),
        *("--proc", "/proc", "--dev", "/dev"),
        *("--perms", "1777", "--size", str(_SHARED_MEMORY), "--tmpfs", "/dev/shm"),  # noqa: S108
        *("--perms", "1777", "--size", str(disk), "--tmpfs", "/tmp"),  # noqa: S108  # its own
        *_read_only(reads),
        *("--remount-ro", "/dev", "--remount-ro", "/"),
        *("--chdir", "/tmp", "--"),  # noqa: S108  # as above
    ]


def _namespaces(*, network: bool, as_root: bool) -> list[str]:
    words = ["--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"]
    words += [] if network else ["--unshare-net"]
    # Root needs no user namespace, and must have a user of its own: the kernel counts no
    # processes of root's. The launcher takes that user, and keeps nothing.
    words += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if as_root else []
    words += [] if as_root else ["--unshare-user"]
    return [*words, "--hostname", "sandbox", "--die-with-parent", "--new-session"]


def _system(*, network: bool) -> list[str]:
    words = ["--ro-bind", "/usr", "/usr"]
    for place in _SYSTEM:
        if Path(place).is_symlink():
            words += ["--symlink", str(Path(place).readlink()), place]
        elif Path(place).is_dir():
            words += ["--ro-bind", place, place]
    names = (*_ETC, *(_ETC_ONLINE if network else ()))
    there = [path for name in names if (path := Path("/etc", name)).exists()]
    return [*words, *_bound(there)]


def _read_only(reads: Sequence[Path]) -> list[str]:
    """Bind what is not within something that is there already."""
    bound = [Path("/usr")]
    for path in sorted({_absolute(one) for one in reads}):
        if not any(path.is_relative_to(one) for one in bound):
            bound.append(path)
    return _bound(bound[1:])


def _bound(places: Sequence[Path]) -> list[str]:
    """Make the folders above, too: bubblewrap's own would keep every other user out."""
    above = {folder for path in places for folder in path.parents if folder != Path("/")}
    words = [word for path in sorted(above) for word in ("--perms", "0755", "--dir", str(path))]
    return [*words, *(word for path in places for word in ("--ro-bind", str(path), str(path)))]


def _absolute(path: Path) -> Path:
    """Without following links: a program may need to see the link itself."""
    return Path(os.path.abspath(path))  # noqa: PTH100  # `Path.absolute` leaves `..` in
