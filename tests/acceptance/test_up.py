"""`agent-workers up`: what it serves, what it survives, and what it leaves behind (nothing)."""

import json
import os
import signal
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.acceptance.systems import PATIENCE_S, Up, end_all, processes_of, run, up, wait_until


def refunds(system: Up) -> dict[str, object]:
    place = urlsplit(system.surroundings["DEMO_REFUND_URL"]).netloc
    with closing(HTTPConnection(place, timeout=5)) as connection:
        connection.request("GET", "/refunds")
        counted: dict[str, object] = json.loads(connection.getresponse().read())
    return counted


def test_a_job_is_submitted_and_answered_from_the_command_line(system: Up):
    with system.client() as client:
        wait_until(lambda: bool(client.agents()), "the first worker")
    ran = run("jobs", "submit", "support", "Good morning", "--wait", cwd=system.cwd)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {"note": "no_tool_used"}


def test_the_doctor_finds_all_well(system: Up):
    def all_well() -> bool:
        ran = run("doctor", cwd=system.cwd)
        lines = ran.stdout.splitlines()
        return ran.returncode == 0 and all(line.startswith("ok ") for line in lines)

    # Workers of all lanes may still be on their way.
    wait_until(all_well, "a doctor without complaints")


def test_a_worker_killed_while_it_refunds_makes_exactly_one_refund(system: Up):
    question = {"message": "Please refund my order", "order_id": "A-1001"}
    with system.client() as client:
        wait_until(lambda: len(client.agents()) >= 3, "the agents")
        job = client.submit("refund_desk", question)
        wait_until(lambda: refunds(system)["refunds"] == 1, "the money to move")
        killed = system.pid_of("worker-model")
        os.kill(killed, signal.SIGKILL)
        job = client.wait(job.id)
    assert job.status == "succeeded", job.error
    counted = refunds(system)
    assert (counted["refunds"], counted["requests"]) == (1, 2)
    assert system.pid_of("worker-model") != killed


@pytest.mark.parametrize("server", ["redis", "postgres"])
def test_a_server_that_dies_is_started_again_and_jobs_go_on(system: Up, server: str):
    record = system.folder / server / f"{server}.json"
    killed = json.loads(record.read_text())["pid"]
    os.kill(killed, signal.SIGKILL)

    def is_back() -> bool:
        return record.exists() and json.loads(record.read_text())["pid"] != killed

    def is_answered() -> bool:
        # The API says 503 until it has found the new server.
        return run("jobs", "submit", "support", "Hello", "--wait", cwd=system.cwd).returncode == 0

    wait_until(is_back, f"another {server}")
    wait_until(is_answered, f"a job after the end of {server}")


def test_nothing_in_the_data_folder_is_for_other_users_of_the_machine(system: Up):
    found = [system.folder, *system.folder.rglob("*")]
    files = [path for path in found if path.is_file() and not path.is_symlink()]
    folders = [path for path in found if path.is_dir() and not path.is_symlink()]
    assert [path for path in files if path.stat().st_mode & 0o077] == []
    assert [path for path in folders if path.stat().st_mode & 0o066] == []
    key = (system.folder / "api_key").read_text()
    assert key not in system.log.read_text()


def test_every_program_is_a_role_of_the_database_that_is_no_superuser(system: Up):
    log = (system.folder / "postgres" / "postgres.log").read_text()
    assert [line for line in log.splitlines() if "permission denied" in line] == []
    used = {name: psutil.Process(system.pid_of(name)).environ() for name in ("api", "beat")}
    assert "agent_workers_api:" in used["api"]["AGENT_DATABASE_URL"]
    assert "agent_workers_worker:" in used["beat"]["AGENT_DATABASE_URL"]


def test_flower_wants_a_password(system: Up):
    place = urlsplit(system.surroundings["AGENT_FLOWER_URL"]).netloc

    def status() -> int:
        with closing(HTTPConnection(place, timeout=5)) as connection:
            try:
                connection.request("GET", "/")
            except (OSError, HTTPException):
                return 0
            return connection.getresponse().status

    wait_until(lambda: status() != 0, "Flower")
    assert status() == 401


def test_keys_are_made_shown_once_and_revoked(system: Up):
    made = run("keys", "create", "--tenant", "other", "--name", "laptop", cwd=system.cwd)
    key_id = made.stdout.split("_")[2]
    listed = run("keys", "list", "--tenant", "other", cwd=system.cwd).stdout
    assert key_id in listed
    assert made.stdout.strip() not in listed
    assert run("keys", "revoke", "--tenant", "other", key_id, cwd=system.cwd).returncode == 0


def test_a_second_up_in_the_same_folder_is_refused(system: Up):
    ran = run("up", cwd=system.cwd)
    assert ran.returncode == 1
    assert "in use" in ran.stderr


def test_a_chosen_port_that_is_taken_ends_up_before_it_starts_a_server(system: Up, tmp_path: Path):
    taken = urlsplit(system.surroundings["AGENT_API_URL"]).port
    ran = run("up", "--api-port", str(taken), cwd=tmp_path)
    assert ran.returncode == 75
    assert f"agent-workers up: API: port {taken} is taken; stop what uses it" in ran.stderr
    assert "Postgres" not in ran.stdout


def test_when_its_supervisor_is_killed_everything_ends_by_itself(system: Up):
    os.kill(system.process.pid, signal.SIGKILL)
    system.process.wait(PATIENCE_S)
    wait_until(lambda: not processes_of(system.folder), "the guardian to end everything")


def test_up_says_at_once_what_it_does_and_when_it_is_told_to_stop(cwd: Path):
    with up(cwd) as system:
        assert system.stop() == 0
        lines = [line.partition("| ")[2] for line in system.log.read_text().splitlines()]
    assert lines[0] == "checking the modules"
    assert lines[-2:] == [
        "stopping; running steps may finish (up to 30 s)",
        "stopped; nothing is left running",
    ]


def test_the_next_up_ends_what_a_supervisor_and_its_guardian_left(cwd: Path):
    with up(cwd) as first:
        left = first.pid_of("api")
        os.kill(first.pid_of("guardian"), signal.SIGKILL)
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait(PATIENCE_S)
        with up(cwd) as second:
            assert "stopped what an earlier run had left running" in second.log.read_text()
            assert left != second.pid_of("api")
            # The jobs of the earlier starts are still there: it is the same database.
            with second.client() as client:
                assert client.jobs()["data"]
            assert second.stop() == 0
        assert processes_of(cwd) == []
    end_all(cwd)
