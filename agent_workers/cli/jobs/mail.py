"""`agent-workers jobs answer` and `send`: what a person says to a job, and what it is sent."""

import argparse
import json

from agent_workers.cli.jobs.needs import run
from agent_workers.client.client import Client
from agent_workers.client.http import Json
from agent_workers.terminal.errors import CommandFailed, WronglyAsked
from agent_workers.terminal.given import read_given
from agent_workers.terminal.printing import print_json

_MOST_WORDS = 2


def answer_job(client: Client, arguments: argparse.Namespace) -> int:
    """Answer a question by its key, or the only one that the job asks."""
    *keys, value = arguments.words
    if len(keys) >= _MOST_WORDS:
        raise WronglyAsked(
            "`jobs answer` takes JOB [KEY] VALUE; put a VALUE of several words in quotes"
        )
    waits = client.get(arguments.job_id).raw["waiting_for"]
    questions = {wait["key"]: wait["prompt"] for wait in waits if wait["kind"] == "person"}
    key = keys[0] if keys else _only(questions, arguments.job_id)
    choices = questions.get(key, {}).get("choices", ())
    job = client.answer(arguments.job_id, {key: value if value in choices else _value(value)})
    print(f"{job.id} is {job.status}")
    return 0


def send_to_job(client: Client, arguments: argparse.Namespace) -> int:
    data = _value(read_given(arguments.data, what="the data from "))
    key = arguments.idempotency_key
    print_json(client.send_event(arguments.job_id, arguments.name, data, idempotency_key=key))
    return 0


def _only(questions: Json, job_id: str) -> str:
    if len(questions) == 1:
        return next(iter(questions))
    if not questions:
        see = run("jobs", "show", job_id)
        raise CommandFailed(f"{job_id} asks no question now; see `{see}`")
    named = ", ".join(sorted(questions))
    raise WronglyAsked(f"the job asks several questions; give the KEY of one: {named}")


def _value(text: str) -> object:
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    return value
