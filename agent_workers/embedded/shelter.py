"""A place that an unprivileged account can reach when root's own folders are closed to it.

Root's home is usually closed to others. Its folders are never opened for our sake: programs are
copied, and data is placed, below one folder that only root writes to.
"""

import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path

from agent_workers.embedded.accounts import Account, can_enter, can_read
from agent_workers.embedded.errors import EmbeddedServerError
from agent_workers.embedded.programs import POSTGRES_WHEEL, wheel_folders

# Others may pass through, not look around or write.
PASSAGE = 0o711
BELONGS_TO = "belongs_to"
ABANDONED_AFTER_S = 600.0


def default_shelter() -> Path:
    for place in (Path("/var/lib"), Path("/usr/local/var"), Path("/var/tmp")):  # noqa: S108 - root makes a folder in it that others cannot write to
        if place.is_dir():
            return place / "agent-workers"
    raise EmbeddedServerError("no /var/lib or /var/tmp for root's Postgres: run as another user")


def reachable_install(install: Path, account: Account | None, shelter: Path) -> Path:
    """The install itself, or a copy below the shelter when the account cannot reach it."""
    if account is None or _usable(install, account):
        return install
    _open_shelter(shelter, account)
    copy = shelter / f"{install.name}-{_fingerprint(install)}"
    if not copy.exists():
        _copy_whole(install, copy)
    reached = copy / POSTGRES_WHEEL / install.name
    if not _usable(reached, account):
        raise EmbeddedServerError(
            f"uid {account.uid} cannot run programs in {str(reached)!r}: run as another user than root"
        )
    return reached


def home_for_data(folder: Path, account: Account | None, shelter: Path) -> Path:
    """The folder in which new data may lie: the given one when the account can get there."""
    if account is None or can_enter(account, folder):
        return folder
    _open_shelter(shelter, account)
    _forget_earlier(folder, shelter)
    home = Path(tempfile.mkdtemp(prefix="postgres-", dir=shelter))
    home.chmod(PASSAGE)
    (home / BELONGS_TO).write_text(str(folder))
    return home


def remove_home(home: Path, folder: Path) -> None:
    """Remove a sheltered home, and nothing that does not say that it belongs to this folder."""
    if not _belongs(home, folder):
        return
    rest = [path for path in home.iterdir() if path.name != BELONGS_TO]
    for path in rest:
        shutil.rmtree(path, ignore_errors=True)
    # An initdb of a killed owner may still write here: then the next removal finds the note again.
    if not any(path.exists() for path in rest):
        shutil.rmtree(home, ignore_errors=True)


def _forget_earlier(folder: Path, shelter: Path) -> None:
    """Data of a folder that was deleted and begun anew would otherwise stay for ever."""
    for home in shelter.glob("postgres-*"):
        remove_home(home, folder)


def _belongs(home: Path, folder: Path) -> bool:
    try:
        return (home / BELONGS_TO).read_text() == str(folder)
    except OSError:
        return False


def _open_shelter(shelter: Path, account: Account) -> None:
    shelter.mkdir(parents=True, exist_ok=True)
    if shelter.stat().st_uid != os.geteuid():
        # Whoever owns it could swap the programs that we are about to run.
        raise EmbeddedServerError(f"{str(shelter)!r} belongs to another user: remove it")
    shelter.chmod(PASSAGE)
    if not can_enter(account, shelter):
        raise EmbeddedServerError(
            f"uid {account.uid} cannot enter {str(shelter)!r}: run as another user than root"
        )


def _usable(install: Path, account: Account) -> bool:
    postgres = install / "bin" / "postgres"
    share = next(install.glob("share/**/postgres.bki"), install)
    return can_enter(account, postgres) and can_read(account, share)


def _fingerprint(install: Path) -> str:
    return hashlib.sha256((install / "bin" / "postgres").read_bytes()).hexdigest()[:12]


def _copy_whole(install: Path, copy: Path) -> None:
    """Copy the install and the shared libraries that its programs find relative to themselves."""
    package = install.parent
    if package not in wheel_folders(POSTGRES_WHEEL):
        raise EmbeddedServerError(
            f"{str(install)!r} cannot be read by other users: install it where they can"
        )
    _remove_half_copies(copy.parent)
    fresh = Path(tempfile.mkdtemp(prefix="copying-", dir=copy.parent))
    _copy(install, fresh / POSTGRES_WHEEL / install.name)
    _copy(package / ".dylibs", fresh / POSTGRES_WHEEL / ".dylibs")
    libraries = package.with_name(f"{POSTGRES_WHEEL}.libs")
    _copy(libraries, fresh / libraries.name)
    fresh.chmod(0o755)
    try:
        fresh.rename(copy)
    except OSError:
        # Another start was quicker; its copy is the same.
        shutil.rmtree(fresh)


def _remove_half_copies(shelter: Path) -> None:
    for half in shelter.glob("copying-*"):
        if time.time() - half.stat().st_mtime > ABANDONED_AFTER_S:
            shutil.rmtree(half, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    if not source.is_dir():
        return
    skipped = shutil.ignore_patterns("include", "*.a", "pkgconfig", "pgxs")
    shutil.copytree(source, target, ignore=skipped, symlinks=True)
    # A strict umask when the wheel was unpacked must not close the copy as well.
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    target.parent.chmod(0o755)
