"""Evidence on disk: whole or not there, and nobody can forge it."""

import os
from pathlib import Path
from uuid import UUID

import pytest

from agent_workers.cli.doctor.spill import check_spill
from agent_workers.domain.effect import Proof, Says, Source
from agent_workers.domain.ids import EffectKey, TenantId
from agent_workers.settings import Settings
from agent_workers.state.steps.spill import Spilled, SpillFolder, SpillUnreadable
from agent_workers.terminal.findings import Level

PEPPER = "only for tests, never else"
PROOF = Proof(key=EffectKey(UUID(int=7)), attempt=2, says=Says.HAPPENED, result=b'{"a":"\xc3\xa9"}')
SPILLED = Spilled(tenant_id=TenantId("acme"), by="worker", proof=PROOF)


def spilled(folder: Path, what: Spilled = SPILLED) -> Path:
    spill = SpillFolder(folder, PEPPER)
    spill.put(what)
    (path,) = spill.paths()
    return path


def read(path: Path, secret: str = PEPPER) -> Spilled | None:
    with SpillFolder(path.parent, secret).taken(path) as found:
        return found


@pytest.mark.parametrize("says", list(Says))
@pytest.mark.parametrize("result", [None, b"", b"\x00\xff" * 9])
def test_what_is_read_is_what_was_written(tmp_path: Path, says: Says, result: bytes | None) -> None:
    proof = Proof(
        key=PROOF.key, attempt=1, says=says, source=Source.REPLY, result=result, reason="ä\n"
    )
    given = Spilled(tenant_id=TenantId("a/../b"), by="worker", proof=proof)
    path = spilled(tmp_path / "evidence", given)
    assert read(path) == given
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_the_same_proof_again_is_the_same_file(tmp_path: Path) -> None:
    path = spilled(tmp_path)
    assert spilled(tmp_path) == path
    SpillFolder(tmp_path, PEPPER).forget(SPILLED)
    SpillFolder(tmp_path, PEPPER).forget(SPILLED)
    assert SpillFolder(tmp_path, PEPPER).paths() == []


def test_what_is_forged_cut_or_of_another_pepper_is_no_evidence(tmp_path: Path) -> None:
    path = spilled(tmp_path)
    good = path.read_bytes()
    with pytest.raises(SpillUnreadable):
        read(path, "another pepper, also long")
    for bad in (b"", good[:-1], good.replace(b"happened", b"unknown_"), good.partition(b"\n")[2]):
        path.write_bytes(bad)
        with pytest.raises(SpillUnreadable):
            read(path)


def test_one_process_at_a_time_holds_a_file(tmp_path: Path) -> None:
    path = spilled(tmp_path)
    with SpillFolder(tmp_path, PEPPER).taken(path) as first:
        assert first == SPILLED
        assert read(path) is None
    assert read(path) == SPILLED
    path.unlink()
    assert read(path) is None


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    path = spilled(tmp_path / "real")
    link = tmp_path / path.name
    link.symlink_to(path)
    with pytest.raises(OSError, match="symbolic"):
        read(link)


def test_doctor_names_what_waits_too_long(tmp_path: Path) -> None:
    settings = Settings(spill_dir=tmp_path, secret_pepper=PEPPER)
    path = spilled(tmp_path)
    assert list(check_spill(settings)) == []
    os.utime(path, (1, 1))
    (old,) = check_spill(settings)
    assert (old.level, path.name in old.text) == (Level.WARN, True)
    path.write_bytes(b"forged")
    os.utime(path, (1, 1))
    (forged,) = check_spill(settings)
    assert forged.level is Level.FAIL
