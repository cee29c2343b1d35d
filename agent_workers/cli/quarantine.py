"""`agent-workers quarantine`: lists steps that killed their workers, and lets them try again."""

import argparse
from collections.abc import Iterator

from agent_workers.cli.verbs import run_verb, verbs_of
from agent_workers.client.client import Client
from agent_workers.client.http import Json
from agent_workers.terminal.printing import add_json, print_json, print_rows

_COLUMNS = ("job_id", "position", "agent", "kind", "tool", "deaths", "last_error")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = verbs_of(parser)
    add_json(add("list", "list steps in quarantine", _list))
    release = add("release", "let a step run again", _release)
    release.add_argument("job_id", metavar="JOB", help="its id, as job_…")
    release.add_argument(
        "position", type=int, metavar="POSITION", help="of the step, as `quarantine list` shows it"
    )


def run(arguments: argparse.Namespace) -> int:
    return run_verb(arguments)


def _list(client: Client, arguments: argparse.Namespace) -> int:
    found = list(_quarantined(client))
    if arguments.json:
        print_json(found)
    else:
        print_rows(found, _COLUMNS, none="nothing is in quarantine")
    return 0


def _release(client: Client, arguments: argparse.Namespace) -> int:
    job = client.release(arguments.job_id, arguments.position)
    print(f"Step {arguments.position} of {job.id} will be tried again; the job is {job.status}.")
    return 0


def _quarantined(client: Client) -> Iterator[Json]:
    for job in client.each_job(status="quarantined"):
        for step in client.steps(job["id"]):
            if step["status"] == "quarantined":
                yield step | {"job_id": job["id"], "agent": job["agent"]}
