"""The command line of bubblewrap: an empty machine with the system's programs, and nothing else."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from agent_workers.execution.sandbox.confining.hiding import masks
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
    bwrap: str,
    *,
    reads: Sequence[Path],
    hides: Sequence[Path],
    network: bool,
    disk: int,
    as_root: bool,
) -> list[str]:
    """Return what stands before a program: only `reads` of this machine's own files are there.

    What of them is in `hides` is empty there, whichever way leads to it.
    """
    shown = [*_system(network=network), *_read_only(reads)]
    return [
        bwrap,
        *_namespaces(network=network, as_root=as_root),
        *_system_links(),
        *("--proc", "/proc", "--dev", "/dev"),
        # It reads the same, and cannot be mapped as memory that no limit counts.
        *("--dev-bind", "/dev/full", "/dev/zero"),
        *("--perms", "1777", "--size", str(_SHARED_MEMORY), "--tmpfs", "/dev/shm"),  # noqa: S108
        *("--perms", "1777", "--size", str(disk), "--tmpfs", "/tmp"),  # noqa: S108  # its own
        *_bound(shown),
        *(word for place in shown for mask in masks(place, hides) for word in _masked(mask)),
        *("--remount-ro", "/dev", "--remount-ro", "/"),
        *("--chdir", "/tmp", "--"),  # noqa: S108  # as above
    ]


def _namespaces(*, network: bool, as_root: bool) -> list[str]:
    words = ["--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"]
    words += [] if network else ["--unshare-net"]
    # Root needs no user namespace, and must have a user of its own: the kernel counts no
    # processes of root's. The launcher takes that user, and keeps nothing.
    taken = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP") if as_root else ()
    words += [word for one in taken for word in ("--cap-add", one)]
    words += [] if as_root else ["--unshare-user"]
    return [*words, "--hostname", "sandbox", "--die-with-parent", "--new-session"]


def _system_links() -> list[str]:
    links = [place for place in _SYSTEM if Path(place).is_symlink()]
    return [word for one in links for word in ("--symlink", str(Path(one).readlink()), one)]


def _system(*, network: bool) -> list[Path]:
    folders = [Path(one) for one in _SYSTEM if Path(one).is_dir() and not Path(one).is_symlink()]
    names = (*_ETC, *(_ETC_ONLINE if network else ()))
    return [Path("/usr"), *folders, *(p for name in names if (p := Path("/etc", name)).exists())]


def _read_only(reads: Sequence[Path]) -> list[Path]:
    """Name what is not within something that is there already."""
    bound = [Path("/usr")]
    for path in sorted({_absolute(one) for one in reads}):
        if not any(path.is_relative_to(one) for one in bound):
            bound.append(path)
    return bound[1:]


def _masked(place: Path) -> list[str]:
    """Put nothing in the place of something."""
    where = str(place)
    if not place.is_dir():
        return ["--ro-bind", "/dev/null", where]
    return ["--perms", "0555", "--size", "4096", "--tmpfs", where, "--remount-ro", where]


def _bound(places: Sequence[Path]) -> list[str]:
    """Make the folders above, too: bubblewrap's own would keep every other user out."""
    above = {folder for path in places for folder in path.parents if folder != Path("/")}
    words = [word for path in sorted(above) for word in ("--perms", "0755", "--dir", str(path))]
    return [*words, *(word for path in places for word in ("--ro-bind", str(path), str(path)))]


def _absolute(path: Path) -> Path:
    """Without following links: a program may need to see the link itself."""
    return Path(os.path.abspath(path))  # noqa: PTH100  # `Path.absolute` leaves `..` in
