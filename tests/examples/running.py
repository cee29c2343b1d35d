"""A running `agent-workers up --with …`: its client, the worlds outside, and how to crash a worker."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from subprocess import Popen
from typing import Any
from urllib.parse import urlsplit

from agent_workers.client.client import Client, Job
from tests.acceptance.systems import PATIENCE_S, end_all, run, start, wait_until
from tests.support.repository import ROOT

EXAMPLES = ("customer_support", "report_writer", "log_monitor", "research_and_review")
MODEL_WORKER, EFFECT_WORKER = "worker-model", "worker-effect"
# Any: JSON of the examples' own shapes.
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """All examples, served by one system."""

    folder: Path
    client: Client

    def outside(self, example: str) -> Json:
        """Return what the world outside of an example has counted for itself."""
        surroundings = json.loads((self.folder / "running.json").read_text())
        place = urlsplit(surroundings[f"{example.upper()}_URL"]).netloc
        with closing(HTTPConnection(place, timeout=10)) as connection:
            connection.request("GET", "/")
            counted: Json = json.loads(connection.getresponse().read())
        return counted

    def crash(self, program: str = MODEL_WORKER) -> None:
        """Kill a worker as kill -9 does; its supervisor starts another."""
        os.kill(self.pid_of(program), signal.SIGKILL)

    @contextmanager
    def crash_within(self, job: Job) -> Iterator[None]:
        """Freeze the model worker while it does a step of the job or of its parts; then kill it."""

        def stands() -> bool:
            os.kill(self.pid_of(MODEL_WORKER), signal.SIGSTOP)
            steps = [step for one in self.family(job) for step in self.client.steps(one)]
            if any(step["status"] == "claimed" and step["lane"] != "effect" for step in steps):
                return True
            os.kill(self.pid_of(MODEL_WORKER), signal.SIGCONT)
            return False

        wait_until(stands, "a step that somebody does")
        yield
        self.crash()

    def family(self, job: Job) -> list[str]:
        """Return the job and those that it started."""
        jobs = self.client.jobs(limit=100)["data"]
        return [one["id"] for one in jobs if _is_of(one, job)]

    def pid_of(self, program: str) -> int:
        record = json.loads((self.folder / "run" / f"{program}.json").read_text())
        return int(record["pid"])

    def wait(self, job: Job) -> Job:
        return self.client.wait(job.id)

    def question(self, job: Job) -> Json:
        """Return what the job asks a person, once it does."""

        def asked() -> list[Json]:
            waits = self.client.get(job.id).raw["waiting_for"]
            return [wait for wait in waits if wait["kind"] == "person"]

        wait_until(lambda: bool(asked()), "a question")
        (question,) = asked()
        return question

    def was_recovered(self, job: Job) -> bool:
        """Say whether a step of the job, or of a job that it started, had lost its worker."""
        events = (event for one in self.family(job) for event in self.client.events(one))
        return any(event.type == "job.step.recovered" for event in events)

    def command(self, *words: str) -> str:
        """Run `agent-workers WORDS…` beside the system, as the READMEs tell; return what it says."""
        ran = run(*words, "--folder", str(self.folder), cwd=ROOT)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout


@contextmanager
def all_examples(cwd: Path) -> Iterator[Running]:
    folder, log = cwd / "system", cwd / "up.log"
    given = [word for name in EXAMPLES for word in ("--with", f"examples/{name}")]
    # Ports that nobody else is about to take: another test's system may look for the usual ones.
    given += ["--folder", str(folder), "--api-port", "0", "--flower-port", "0"]
    with log.open("wb") as output:
        process = start("up", "--quiet", *given, cwd=ROOT, output=output)
    try:
        wait_until(lambda: _is_up(process, log), "up")
        surroundings = json.loads((folder / "running.json").read_text())
        key = (folder / "api_key").read_text()
        with Client(surroundings["AGENT_API_URL"], key) as client:
            yield Running(folder=folder, client=client)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            # Nobody needs an orderly end of each program: the second signal says so.
            time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_S)
        end_all(folder)


def _is_of(one: Json, job: Job) -> bool:
    return job.id in (one["id"], one["parent_job_id"])


def _is_up(process: Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    return "Ctrl-C stops everything" in log.read_text()
