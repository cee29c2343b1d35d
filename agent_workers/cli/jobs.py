"""`agent-workers jobs`: submits, follows and controls jobs over HTTP."""

import argparse
import json
import sys
from datetime import timedelta

from agent_workers.cli.demo_telling import Telling
from agent_workers.cli.errors import WronglyAsked
from agent_workers.cli.given import read_given
from agent_workers.cli.job_files import add_files_arguments, list_files, show_file
from agent_workers.cli.mail import answer_job, send_to_job
from agent_workers.cli.printing import add_json, print_json, print_rows
from agent_workers.cli.verbs import Verbs, run_verb, verbs_of
from agent_workers.client.client import Client, Job

_COLUMNS = ("id", "agent", "status", "created_at", "finished_at", "status_detail")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = verbs_of(parser)
    _add_submit(add("submit", "submit a job, and print its id or follow it to its end", _submit))
    listing = add("list", "list jobs, the newest first", _list)
    listing.add_argument("--status", help="only these: waiting, running, failed, …")
    listing.add_argument("--agent", help="only jobs of this agent")
    listing.add_argument("--limit", type=int, default=20, help="at most so many (20)")
    add_json(listing)
    _of_a_job(add("show", "print a job with its steps", _show))
    _of_a_job(add("trace", "print a job's way through the layers", _trace))
    _of_a_job(add("watch", "print a job's events as they happen, to its end", _watch))
    files = _of_a_job(add("files", "list the files that a job wrote", list_files))
    file = _of_a_job(add("file", "print a file that a job wrote, or keep it with --out", show_file))
    add_files_arguments(files, file)
    _add_controls(add)


def _add_submit(submit: argparse.ArgumentParser) -> None:
    submit.add_argument("agent")
    submit.add_argument("input", help="text, a JSON object, @FILE, or - for standard input")
    noted = "kept with the job, and shown; repeatable"
    submit.add_argument("--metadata", action="append", default=[], metavar="NAME=VALUE", help=noted)
    submit.add_argument("--idempotency-key", help="the same key never makes a second job")
    submit.add_argument("--max-cost-usd", type=float, help="what the job and its children may cost")
    submit.add_argument("--session", help="the conversation that it belongs to")
    submit.add_argument("--user", help="whom it is done for")
    busy = "while its session has another job: wait for it (queue), be refused, or cancel it"
    submit.add_argument("--on-busy", choices=["queue", "reject", "interrupt"], help=busy)
    submit.add_argument("--wait", action="store_true", help="wait, and print the output")
    submit.add_argument("--timeout", type=float, help="with --wait: give up after these seconds")
    submit.add_argument("--watch", action="store_true", help="print events as they happen")


def _add_controls(add: Verbs) -> None:
    cancel = _of_a_job(add("cancel", "end a job", _cancel))
    cancel.add_argument("--reason", default="", help="kept with the job")
    cancel.add_argument("--now", action="store_true", help="do not wait for running steps")
    pause = _of_a_job(add("pause", "start no further step of a job", _pause))
    pause.add_argument("--reason", default="", help="kept with the job")
    _of_a_job(add("resume", "go on with a paused job", _resume))
    answer = _of_a_job(add("answer", "answer a question that a job asks", answer_job))
    answer.add_argument("words", nargs="+", metavar="[KEY] VALUE", help="VALUE: text, or JSON")
    send = _of_a_job(add("send", "send a job an event", send_to_job))
    send.add_argument("name")
    send.add_argument("data", nargs="?", default="null", help="text, JSON, @FILE, or -")
    send.add_argument("--idempotency-key", help="the same key sends one event")


def run(arguments: argparse.Namespace) -> int:
    return run_verb(arguments)


def _submit(client: Client, arguments: argparse.Namespace) -> int:
    metadata = dict(_pair(text) for text in arguments.metadata)
    options = {
        "max_cost_usd": arguments.max_cost_usd,
        "session_id": arguments.session,
        "user_id": arguments.user,
        "on_busy": arguments.on_busy,
    }
    job = client.submit(
        arguments.agent,
        _input(arguments.input),
        idempotency_key=arguments.idempotency_key,
        metadata=metadata or None,
        **{name: value for name, value in options.items() if value is not None},
    )
    if arguments.watch:
        _tell(client, job.id)
    if not arguments.watch and not arguments.wait:
        print(job.id)
        return 0
    patience = None if arguments.timeout is None else timedelta(seconds=arguments.timeout)
    return _ended(client.wait(job.id, timeout=patience))


def _list(client: Client, arguments: argparse.Namespace) -> int:
    wanted = {"status": arguments.status, "agent": arguments.agent}
    filters = {name: value for name, value in wanted.items() if value}
    found = list(client.each_job(most=arguments.limit, **filters))
    if arguments.json:
        print_json(found)
    else:
        print_rows(found, _COLUMNS, none="no jobs")
    return 0


def _show(client: Client, arguments: argparse.Namespace) -> int:
    print_json(client.get(arguments.job_id).raw | {"steps": client.steps(arguments.job_id)})
    return 0


def _trace(client: Client, arguments: argparse.Namespace) -> int:
    for entry in client.trace(arguments.job_id):
        print(json.dumps(entry, ensure_ascii=False))
    return 0


def _watch(client: Client, arguments: argparse.Namespace) -> int:
    _tell(client, arguments.job_id)
    return _ended(client.get(arguments.job_id))


def _cancel(client: Client, arguments: argparse.Namespace) -> int:
    return _say(client.cancel(arguments.job_id, reason=arguments.reason, now=arguments.now))


def _pause(client: Client, arguments: argparse.Namespace) -> int:
    return _say(client.pause(arguments.job_id, reason=arguments.reason))


def _resume(client: Client, arguments: argparse.Namespace) -> int:
    return _say(client.resume(arguments.job_id))


def _of_a_job(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("job_id")
    return parser


def _tell(client: Client, job_id: str) -> None:
    telling = Telling()
    for event in client.events(job_id):
        telling.event(event)


def _say(job: Job) -> int:
    print(f"{job.id} is {job.status}")
    return 0


def _ended(job: Job) -> int:
    """Print what came of it; a job that did not succeed is a command that failed."""
    for words in job.degraded:
        print(f"degraded: {words}", file=sys.stderr)
    if job.status == "succeeded":
        print_json(job.output)
        return 0
    print(f"{job.id} is {job.status}: {json.dumps(job.error)}", file=sys.stderr)
    return 1


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise WronglyAsked(f"--metadata wants NAME=VALUE, not {text!r}")
    return name, value


def _input(text: str) -> str | dict[str, object]:
    given = read_given(text, what="the input from ")
    if not given.lstrip().startswith("{"):
        return given
    try:
        parsed: dict[str, object] = json.loads(given)
    except ValueError as error:
        raise WronglyAsked(f"the input looks like JSON, but is none: {error}") from None
    return parsed
