"""Makes the data folder of an embedded Postgres: initdb, its password, its owner."""

import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from agent_workers.embedded.accounts import Account
from agent_workers.embedded.errors import ServerDidNotStart, ServerRefused
from agent_workers.embedded.processes import run_to_end
from agent_workers.embedded.programs import version_of
from agent_workers.embedded.shelter import home_for_data

SUPERUSER = "agent"
BUILTIN_LOCALE_SINCE = (17,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where one cluster lives: its programs, its folder, and who runs it."""

    install: Path
    folder: Path
    shelter: Path
    account: Account | None

    @property
    def data(self) -> Path:
        """The data itself; `folder/data` is a link to it when the folder is closed to others."""
        return (self.folder / "data").resolve()

    @property
    def password_file(self) -> Path:
        return self.folder / "password"

    def program(self, name: str) -> str:
        return str(self.install / "bin" / name)


def password_of(site: Site) -> str:
    try:
        return site.password_file.read_text()
    except FileNotFoundError:
        raise ServerRefused(
            f"{str(site.password_file)!r} is missing, so nobody can log in to the data beside it: bring it back"
        ) from None


def ensure_cluster(site: Site, *, durable: bool) -> None:
    """Make the cluster when there is none; half-made ones of a killed owner are thrown away."""
    data = site.folder / "data"
    if data.exists():
        _refuse_other_version(site)
        return
    if data.is_symlink():
        # Perhaps a disk is missing: an empty database in its place would look like lost data.
        message = (
            f"{str(data)!r} is a link to nothing: bring its target back,"
            " or delete the link to start with an empty database"
        )
        raise ServerDidNotStart(message)
    home = home_for_data(site.folder, site.account, site.shelter)
    for half_made in home.glob("making-*"):
        shutil.rmtree(half_made, ignore_errors=True)
    _write_password(site)
    fresh = Path(tempfile.mkdtemp(prefix="making-", dir=home))
    _give(fresh, site.account)
    _initdb(site, fresh, durable=durable)
    _move_into_place(fresh, home / "data", data)


def _refuse_other_version(site: Site) -> None:
    """Say what its log would say in the words of Postgres, with what to do about it."""
    made_by = (site.data / "PG_VERSION").read_text().strip()
    ours = str(version_of(site.install / "bin" / "postgres")[0])
    if made_by != ours:
        raise ServerDidNotStart(
            f"the data in {str(site.folder)!r} was made by Postgres {made_by}, and this is"
            f" Postgres {ours}: name another data folder (--folder), or delete this one to start with an empty database"
        )


def let_neighbours_in(site: Site) -> None:
    """Let whoever is in a net of ours log in with the password."""
    rules = site.data / "pg_hba.conf"
    rule = "host all all samenet scram-sha-256\n"
    if rule not in (written := rules.read_text()):
        rules.write_text(written + rule)


def _move_into_place(fresh: Path, data: Path, wanted: Path) -> None:
    fresh.rename(data)
    if data != wanted:
        wanted.symlink_to(data)


def _write_password(site: Site) -> None:
    """A new password; it must be on disk before the data that asks for it."""
    handle = os.open(site.password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(24))
        file.flush()
        os.fsync(file.fileno())


def _give(path: Path, account: Account | None) -> None:
    if account is not None:
        os.chown(path, account.uid, account.gid)


def _initdb(site: Site, data: Path, *, durable: bool) -> None:
    with tempfile.NamedTemporaryFile("w", dir=data.parent, prefix="making-") as secret:
        secret.write(password_of(site))
        secret.flush()
        _give(Path(secret.name), site.account)
        made = run_to_end(
            [*_initdb_command(site, durable=durable), "-D", str(data), "--pwfile", secret.name],
            account=site.account,
        )
    if made.returncode != 0:
        shutil.rmtree(data, ignore_errors=True)
        raise ServerDidNotStart(f"initdb failed: {made.stderr.strip() or made.stdout.strip()}")


def _initdb_command(site: Site, *, durable: bool) -> list[str]:
    options = ["-U", SUPERUSER, "--encoding=UTF8", "--auth=scram-sha-256", "--locale=C"]
    if version_of(site.install / "bin" / "postgres") >= BUILTIN_LOCALE_SINCE:
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    if not durable:
        options += ["--no-sync"]
    return [site.program("initdb"), *options]
