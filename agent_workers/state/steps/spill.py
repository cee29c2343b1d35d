"""Evidence on disk: what could not be written while Postgres was away, and must not be lost."""

import base64
import binascii
import fcntl
import hashlib
import hmac
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from agent_workers.domain.effect import Proof, Says, Source
from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.ids import EffectKey, TenantId

_SUFFIX = ".evidence"
_MOST_BYTES = 256 * 1024 * 1024
_FIELDS = "attempt by key reason result says source tenant version".split()


class SpillUnreadable(AgentWorkersError):
    """A file that is no evidence of ours: cut, forged, or written under another secret."""

    code = "spill_unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spilled:
    """A proof, with whose effect it is of and which worker saw it."""

    tenant_id: TenantId
    by: str
    proof: Proof


class SpillFolder:
    """One file for each proof: written whole or not at all, and signed, so that nobody can forge it."""

    def __init__(self, folder: Path, secret: str) -> None:
        self._folder = folder
        self._key = hmac.digest(secret.encode(), b"spilled evidence", "sha256")

    def put(self, spilled: Spilled) -> None:
        """Write a proof down, durably; the same one again takes the place of the first."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path, draft = self._path(spilled), self._folder / f".{uuid4().hex}"
        try:
            with os.fdopen(
                os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
            ) as file:
                file.write(self._signed(_written(spilled)))
                file.flush()
                os.fsync(file.fileno())
            draft.rename(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def forget(self, spilled: Spilled) -> None:
        """Remove a proof that stands in the database by now."""
        self._path(spilled).unlink(missing_ok=True)

    def paths(self, *, older_than_s: float = 0) -> list[Path]:
        """The files that hold a proof, oldest first; none when nothing was ever spilled."""
        until, found = time.time() - older_than_s, list[tuple[float, Path]]()
        with suppress(FileNotFoundError):
            for path in self._folder.glob(f"*{_SUFFIX}"):
                with suppress(FileNotFoundError):
                    found.append((path.stat().st_mtime, path))
        return [path for written_at, path in sorted(found) if written_at <= until]

    @contextmanager
    def taken(self, path: Path) -> Iterator[Spilled | None]:
        """Hold a file while its proof is being written; None when another process does, or did.

        The lock ends with the process that holds it, so a proof outlives every one of them.
        """
        try:
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            yield None
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            with os.fdopen(os.dup(file), "rb") as held:
                yield self._read(held.read(_MOST_BYTES))
        finally:
            os.close(file)

    def _path(self, spilled: Spilled) -> Path:
        tenant = hashlib.sha256(spilled.tenant_id.encode()).hexdigest()[:16]
        proof = spilled.proof
        name = f"{tenant}-{proof.key.hex}-{proof.attempt}-{proof.says}{_SUFFIX}"
        return self._folder / name

    def _signed(self, text: bytes) -> bytes:
        return hmac.digest(self._key, text, "sha256").hex().encode() + b"\n" + text

    def _read(self, content: bytes) -> Spilled:
        _, _, text = content.partition(b"\n")
        if not hmac.compare_digest(content, self._signed(text)):
            raise SpillUnreadable(
                "its signature does not match: cut off, forged, or signed with another AGENT_SECRET_PEPPER"
            )
        return _read(text)


def _written(spilled: Spilled) -> bytes:
    proof, result = spilled.proof, spilled.proof.result
    return json.dumps(
        {
            "version": 1,
            "tenant": spilled.tenant_id,
            "by": spilled.by,
            "key": proof.key.hex,
            "attempt": proof.attempt,
            "says": proof.says.value,
            "source": proof.source.value,
            "result": None if result is None else base64.b64encode(result).decode(),
            "reason": proof.reason,
        },
        sort_keys=True,
    ).encode()


def _read(text: bytes) -> Spilled:
    try:
        found = json.loads(text)
        if sorted(found) != _FIELDS or found["version"] != 1:
            raise SpillUnreadable("its fields are not those of version 1")
        result = found["result"]
        proof = Proof(
            key=EffectKey(UUID(found["key"])),
            attempt=int(found["attempt"]),
            says=Says(found["says"]),
            source=Source(found["source"]),
            result=None if result is None else base64.b64decode(result, validate=True),
            reason=str(found["reason"]),
        )
    except (ValueError, TypeError, binascii.Error) as error:
        raise SpillUnreadable(f"it cannot be read: {error}") from None
    return Spilled(tenant_id=TenantId(str(found["tenant"])), by=str(found["by"]), proof=proof)
