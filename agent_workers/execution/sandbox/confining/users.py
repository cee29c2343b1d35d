"""The user that a confined program gets when we are root: a number that nobody else has."""

import os
import secrets
import subprocess
from pathlib import Path

# Far above what any system hands out; where fewer are mapped (rootless engines), near their end.
_FIRST, _MANY = 1_610_612_736, 500_000_000
_FIRST_SMALL, _MANY_SMALL = 60_600, 500
_MAP = Path("/proc/self/uid_map")


def own_user() -> int | None:
    """Return a user for one program; None when we are not root, and cannot choose."""
    if os.geteuid() != 0:
        return None
    first, many = (_FIRST, _MANY) if _mapped(_FIRST + _MANY) else (_FIRST_SMALL, _MANY_SMALL)
    return first + secrets.randbelow(many)


def can_run(user: int, program: Path) -> bool:
    """Ask the kernel, not mode bits: it may be a folder above that keeps others out."""
    asked = subprocess.run(
        ["/bin/sh", "-c", 'test -x "$1"', "sh", str(program)],
        cwd="/",
        env={},
        user=user,
        group=user,
        extra_groups=[],
        check=False,
    )
    return asked.returncode == 0


def running_as(user: int) -> int:
    """Count the threads that a user has; what another user hides from us is not ours to count."""
    return sum(_threads(place) for place in Path("/proc").glob("[0-9]*") if _is_of(place, user))


def _is_of(place: Path, user: int) -> bool:
    try:
        return place.stat().st_uid == user
    except OSError:
        return False


def _threads(place: Path) -> int:
    try:
        return sum(1 for _ in (place / "task").iterdir())
    except OSError:
        return 0


def _mapped(number: int) -> bool:
    if not _MAP.exists():
        return False
    ranges = (line.split() for line in _MAP.read_text().splitlines())
    return any(int(first) <= number < int(first) + int(many) for first, _, many in ranges)
