"""Postgres is away when an unsafe tool replies, and its worker dies: another one writes the evidence."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from agent_workers.domain.ids import JobId
from agent_workers.domain.job import JobStatus
from tests.support.half_open import Wire, half_open_wire
from tests.support.worker_system import System, until

LANES = "plan,tool,effect,evaluate"


def lines(book: Path) -> list[str]:
    return book.read_text().splitlines() if book.exists() else []


def evidence(running: System) -> list[Path]:
    return sorted((running.folder / "evidence").glob("*.evidence"))


def away(wire: Wire) -> None:
    """Nobody comes through any more, and who is through is cut off."""
    wire.stop_listening()
    wire.snap()


def killed_with_its_reply(running: System, book: Path) -> JobId:
    """A job whose tool acted; its worker could not write that, and was killed."""
    running.variables["AGENT_TOOLS"] = "tests.integration.programs.spilling_agents"
    port = urlsplit(running.database.url).port
    with half_open_wire(port or 0) as wire:
        url = running.database.url.replace(f":{port}/", f":{wire.port}/")
        ways = {"AGENT_DATABASE_URL": url, "AGENT_DIRECT_DATABASE_URL": url}
        first = running.worker("first", lanes=LANES, pool="solo", **ways)
        job = running.submit("slow", book=str(book))
        until(lambda: lines(book), "the tool has acted")
        away(wire)
        until(lambda: evidence(running), "its evidence is on disk")
        first.kill()
    return job


@pytest.mark.parametrize("found", ["before the doubt", "in doubt"])
def test_evidence_of_a_dead_worker_is_written_by_another_and_no_doubt_stays(
    running: System, tmp_path: Path, found: str
) -> None:
    job = killed_with_its_reply(running, tmp_path / "book")
    (file,) = evidence(running)
    kept = file.read_bytes()
    if found == "in doubt":
        file.unlink()
    running.worker("second", lanes=LANES, pool="solo")
    if found == "in doubt":
        until(lambda: running.job(job).status is JobStatus.IN_DOUBT, "nobody knows")
        file.write_bytes(kept)

    running.wait_for(job)
    until(lambda: not evidence(running), "the file is gone")
    assert len(lines(tmp_path / "book")) == 1
    assert running.ask("select count(*) from effects where state = 'in_doubt'") == 0
    said = "select says || ' by ' || source from permits p join effects using (effect_key)"
    assert running.ask(said + " where job_id = %s", job) == "happened by reply"
