"""Starting a program inside the strongest boundary that this machine has.

`confine` turns a command line into another one, which starts the same program with bounds that
the kernel keeps, without our secrets and, where there is bubblewrap, on a machine of its own.
Whoever starts it passes `environment` as the whole environment, closes other descriptors, and
starts it from a thread that lives as long: the program ends with the thread that started it.
"""

import json
import math
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Final

from agent_workers.execution.sandbox.confining import landlock
from agent_workers.execution.sandbox.confining.bubblewrap import inside
from agent_workers.execution.sandbox.confining.hiding import there
from agent_workers.execution.sandbox.confining.seccomp import filter_of, is_known
from agent_workers.execution.sandbox.confining.users import can_run, own_user, running_as
from agent_workers.execution.sandbox.ports import (
    LONG_LIVED,
    MIB,
    NOTHING,
    Allowed,
    Bounds,
    NoBoundary,
)

_LAUNCHER = Path(__file__).with_name("launch.py")
_PLAIN: Final = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"}  # noqa: S108
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
# The kernel counts threads as processes.
_THREADS = 16
# No other limit counts it; a program could raise its own.
_STACK = 8 * MIB
_PROBE_S = 20


class Boundary(StrEnum):
    """What is between a program and this machine."""

    BWRAP = "bwrap"
    PROCESS = "process"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confined:
    """How to start it: this command line, and exactly this environment."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    boundary: Boundary
    # What this boundary does not keep it from; for people to see.
    gaps: tuple[str, ...] = ()


def confine(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    allowed: Allowed = NOTHING,
    bounds: Bounds = LONG_LIVED,
    boundary: Boundary | None = None,
) -> Confined:
    """Say how to start `argv`: by default behind bubblewrap, else as a bounded child process.

    `environment` is added to a plain one; nothing of ours is in it. Raises `NoBoundary`.
    """
    program = [found(argv[0]), *argv[1:]]
    given = {**_PLAIN, **(environment or {})}
    where = boundary or strongest()
    if where is Boundary.BWRAP:
        words = _behind_bwrap(program, allowed, bounds)
        return Confined(
            argv=tuple(words), environment=given, boundary=where, gaps=_gaps_online(allowed)
        )
    words = _bounded(program, allowed, bounds)
    return Confined(argv=tuple(words), environment=given, boundary=where, gaps=_gaps(allowed))


def strongest() -> Boundary:
    """Return the strongest boundary that works here."""
    return Boundary.PROCESS if why_no_bwrap() else Boundary.BWRAP


@lru_cache(maxsize=1)
def why_no_bwrap() -> str:
    """Say why bubblewrap is of no use here; nothing when it works. It is tried, once."""
    if sys.platform != "linux":
        return "bubblewrap is for Linux"
    if not is_known(platform.machine()):
        return f"no system call filter is known for {platform.machine()}"
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed: install the package `bubblewrap`"
    words = _behind_bwrap(["/bin/sh", "-c", "exit 0"], NOTHING, LONG_LIVED)
    try:
        tried = subprocess.run(words, env={}, capture_output=True, timeout=_PROBE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not start: {error}"
    said = tried.stderr.decode("utf-8", "replace").strip().splitlines()
    return f"bubblewrap does not work here: {' '.join(said[-1:])}" if tried.returncode else ""


def _behind_bwrap(program: Sequence[str], allowed: Allowed, bounds: Bounds) -> list[str]:
    user = own_user()
    families = (_UNIX, _INET, _INET6, *((_NETLINK,) if allowed.is_online else ()))
    told = _told(bounds, user=user, families=families, beside_others=False) | _online(allowed)
    before = inside(
        found("bwrap"),
        reads=[*own_python(), *needed_by(Path(program[0])), *allowed.reads, _LAUNCHER],
        hides=allowed.hides,
        network=allowed.is_online,
        disk=bounds.disk,
        as_root=user is not None,
    )
    return [*before, *_launching(Path(sys.executable).resolve(), told), *program]


def _bounded(program: Sequence[str], allowed: Allowed, bounds: Bounds) -> list[str]:
    user = own_user()
    # No Unix ones, which lead to what listens in folders, as this user's own servers do.
    families = (_INET, _INET6, _NETLINK) if allowed.is_online else ()
    others = running_as(os.geteuid()) if user is None else 0
    told = _told(bounds, user=user, families=families, beside_others=True, others=others)
    told |= _online(allowed)
    told["parent"] = os.getpid()
    if landlock.version():
        places = (*own_python(), *needed_by(Path(program[0])), *allowed.reads)
        told |= {
            "handled": landlock.handled(),
            "rules": landlock.rules(places, there(allowed.hides)),
        }
        told |= {"hides": [str(one) for one in there(allowed.hides)], **landlock.KINDS}
        told["scoped"] = landlock.scoped()
    return [*_launching(_reachable(user, Path(program[0])), told), *program]


def _online(allowed: Allowed) -> dict[str, object]:
    """Keep a program that shares this machine's network to its ports and from others' sockets."""
    if not allowed.is_online:
        return {}
    kept = landlock.ports(allowed.ports) if allowed.ports else {}
    return {"scoped": landlock.scoped(), **kept}


def _reachable(user: int | None, program: Path) -> Path:
    """Return an interpreter that this user can run; a user who can run nothing is no use."""
    if user is None:
        return next(launchers())
    reachable = [one for one in launchers() if can_run(user, one)]
    if reachable and can_run(user, program):
        return reachable[0]
    raise NoBoundary(
        f"this process is root, and no other user can run {program} and its interpreter: "
        "install bubblewrap, run as an ordinary user, or run from a folder that all users can read"
    )


def _launching(python: Path, told: Mapping[str, object]) -> list[str]:
    return [str(python), "-I", "-S", str(_LAUNCHER), json.dumps(told, separators=(",", ":"))]


def _told(
    bounds: Bounds,
    *,
    user: int | None,
    families: Sequence[int],
    beside_others: bool,
    others: int = 0,
) -> dict[str, object]:
    told: dict[str, object] = {"user": user, "limits": _limits(bounds, others)}
    if bounds.wall is not None:
        told["until"] = time.monotonic() + bounds.wall.total_seconds()
    if _filters():
        alone = bounds.processes == 1
        told["filter"] = filter_of(
            families=families, alone=alone, beside_others=beside_others
        ).hex()
    return told


def _limits(bounds: Bounds, others: int) -> dict[str, int]:
    """Turn bounds into the kernel's limits, by their names; `others` run as the same user."""
    alone = bounds.processes == 1
    limits = {
        # Address space counts what is shared, too; but runtimes reserve far more than they use.
        "RLIMIT_AS" if alone else "RLIMIT_DATA": bounds.memory,
        "RLIMIT_STACK": _STACK,
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": bounds.disk,
        "RLIMIT_NOFILE": bounds.files,
        "RLIMIT_NPROC": others + max(bounds.processes, _THREADS),
    }
    if bounds.cpu is not None:
        limits["RLIMIT_CPU"] = max(1, math.ceil(bounds.cpu.total_seconds()))
    return limits


def _gaps(allowed: Allowed) -> tuple[str, ...]:
    whose = "all users" if os.geteuid() == 0 else "this user"
    shared = " and ".join(landlock.writable(there(allowed.hides)))
    gaps = [f"it can read what {whose} can read below /etc, /opt{f', {shared}' * bool(shared)}"]
    if not landlock.version():
        gaps = [f"it can read what {whose} can read, of its processes, too"]
    if os.geteuid() != 0:
        where = f" below {shared}" if landlock.version() else ""
        gaps += [f"it can write what this user can write{where}"] if shared or not where else []
        gaps += (
            [] if landlock.scoped() else ["it can end this user's processes, the worker included"]
        )
    if not _filters():
        gaps.append("it can reach what listens on sockets that this user may open")
    if sys.platform != "linux":
        gaps.append("its memory is not bounded")
    if not allowed.is_online and not _filters():
        gaps.append("it can open connections")
    return (*gaps, *_gaps_online(allowed))


def _gaps_online(allowed: Allowed) -> tuple[str, ...]:
    if not allowed.is_online:
        return ()
    if allowed.ports and landlock.knows_ports():
        named = ", ".join(map(str, allowed.ports))
        return (f"it can reach port {named} of every server that this machine can, and UDP",)
    return ("it can reach every server that this machine can, its own included",)


def _filters() -> bool:
    return sys.platform == "linux" and is_known(platform.machine())


_SYSTEM_PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3")


def found(name: str) -> str:
    """Find a program as a shell would."""
    place = shutil.which(name)
    if place is None:
        raise NoBoundary(f"there is no program {name!r} on this machine")
    return str(Path(place).absolute())


def needed_by(program: Path) -> Iterator[Path]:
    """Name the files that a program stands on: itself, where its link leads, its environment."""
    yield program
    if program.is_symlink():
        yield program.resolve()
    environment = program.parent.parent
    if (environment / "pyvenv.cfg").is_file():
        yield environment
        yield from _home_of(environment / "pyvenv.cfg")


def own_python() -> tuple[Path, ...]:
    """Name where this interpreter is, with its libraries."""
    return tuple(dict.fromkeys((Path(sys.prefix), Path(sys.base_prefix))))


def launchers() -> Iterator[Path]:
    """Name the interpreters that can start a program: our own, or the system's."""
    yield Path(sys.executable).resolve()
    yield from (Path(place) for place in _SYSTEM_PYTHONS if Path(place).exists())


def _home_of(written: Path) -> Iterator[Path]:
    for line in written.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "home" and value.strip():
            yield Path(value.strip()).parent
