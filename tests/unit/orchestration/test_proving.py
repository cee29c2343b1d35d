"""Evidence goes to disk after seconds of trying, and whenever what stands before the database breaks."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import cast
from uuid import UUID

import pytest
from typing_extensions import override

from agent_workers.domain.claim import HALT, Claimed, Onward, Recorded, RecordResult
from agent_workers.domain.decision import Decision, TryAgain
from agent_workers.domain.effect import Proof, Says
from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.ids import EffectKey
from agent_workers.orchestration.carrying import halt
from agent_workers.orchestration.effects.keeping_evidence import Proving
from agent_workers.state.database.engine import Connection
from agent_workers.state.steps.permits import Permits
from agent_workers.state.steps.records import Records
from tests.unit.orchestration.agents import claimed

PROOF = Proof(key=EffectKey(UUID(int=7)), attempt=1, says=Says.HAPPENED, result=b"1")
AGAIN = TryAgain(delay=timedelta(0), code="x", message="")


class Flaky(Permits):
    """A Postgres that is away for so many tries."""

    def __init__(self, away: int) -> None:
        self.away = away

    @override
    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        self.away -= 1
        if self.away >= 0:
            raise StateUnavailable("Postgres is away")
        yield cast("Connection", None)

    @override
    def evidence(self, connection: Connection, claimed: Claimed, proof: Proof) -> bool:
        return False


class Recording(Records):
    def __init__(self) -> None:
        self.records = 0

    @override
    def record(
        self,
        claimed: Claimed,
        decision: Decision,
        *,
        written: bytes,
        onward: Onward = HALT,
        connection: Connection | None = None,
    ) -> Recorded:
        self.records += 1
        return Recorded(result=RecordResult.RECORDED)


class Disk:
    """A folder; it may be full."""

    def __init__(self, *, is_full: bool = False) -> None:
        self.files: set[Proof] = set()
        self.puts = 0
        self._is_full = is_full

    def put(self, claimed: Claimed, proof: Proof) -> None:  # noqa: ARG002 (as its Protocol has it)
        if self._is_full:
            raise OSError(28, "No space left on device")
        self.puts += 1
        self.files.add(proof)

    def forget(self, claimed: Claimed, proof: Proof) -> None:  # noqa: ARG002 (as above)
        self.files.discard(proof)


def proving(disk: Disk, *, away: int) -> Proving:
    return Proving(
        permits=Flaky(away),
        records=Recording(),
        spill=disk,
        patience_s=0.02,
        on_disk_after_s=0,
    )


def test_what_is_written_at_once_never_sees_the_disk() -> None:
    disk = Disk()
    proving(disk, away=0).record(claimed(), AGAIN, PROOF, b"", halt)
    assert disk.puts == 0


def test_what_is_written_late_leaves_no_file() -> None:
    disk = Disk()
    proving(disk, away=2).record(claimed(), AGAIN, PROOF, b"", halt)
    assert (disk.puts, disk.files) == (1, set())


def test_what_cannot_be_written_stays_on_disk() -> None:
    disk = Disk()
    with pytest.raises(StateUnavailable):
        proving(disk, away=10_000).record(claimed(), AGAIN, PROOF, b"", halt)
    assert disk.files == {PROOF}


def test_a_full_disk_leaves_the_patience_of_the_process() -> None:
    proving(Disk(is_full=True), away=2).record(claimed(), AGAIN, PROOF, b"", halt)


@pytest.mark.parametrize("error", [StateUnavailable("away"), ValueError("a mistake"), SystemExit()])
def test_what_breaks_before_the_record_loses_no_proof(error: BaseException) -> None:
    disk = Disk()
    with pytest.raises(type(error)), proving(disk, away=0).safe(claimed(), PROOF):
        raise error
    assert disk.files == {PROOF}
