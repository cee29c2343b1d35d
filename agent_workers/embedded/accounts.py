"""The existing account that runs Postgres when we are root, because Postgres refuses to be root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from agent_workers.embedded.errors import EmbeddedServerError

# Made for this; and those that other programs may run as, too. Not `postgres`: it owns the data of
# another server.
_OWN = "agent-workers"
_SHARED = ("nobody", "daemon")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    uid: int
    gid: int
    name: str = ""

    @property
    def is_shared(self) -> bool:
        return self.name in _SHARED


def account_for(data: Path) -> Account | None:
    """None unless we are root; whoever owns data that already exists goes on owning it."""
    if os.geteuid() != 0:
        return None
    if data.exists() and (owner := data.stat().st_uid) != 0:
        return _account_of(pwd.getpwuid(owner))
    return _account_of(_unprivileged())


def can_enter(account: Account, folder: Path) -> bool:
    """Ask the kernel rather than mode bits: ACLs and security modules count too."""
    return _can("-x", account, folder)


def can_read(account: Account, file: Path) -> bool:
    return _can("-r", account, file)


def _unprivileged() -> pwd.struct_passwd:
    for name in (_OWN, *_SHARED):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    message = f"root cannot run Postgres: make a user for it with `useradd --system {_OWN}`, or run as another user"
    raise EmbeddedServerError(message)


def _account_of(entry: pwd.struct_passwd) -> Account:
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, name=entry.pw_name)


def _can(test: str, account: Account, path: Path) -> bool:
    try:
        asked = subprocess.run(
            ["/bin/sh", "-c", f'test {test} "$1"', "sh", str(path)],
            cwd="/",
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        message = (
            f"root may not run programs as uid {account.uid} here: run as another user ({error})"
        )
        raise EmbeddedServerError(message) from error
    return asked.returncode == 0
