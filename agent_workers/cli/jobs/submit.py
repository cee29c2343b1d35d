"""`agent-workers jobs submit`: what a job is asked to do, and under which conditions."""

import argparse

from agent_workers.cli.jobs.follow import EXIT_CODES, add_timeout, wait, watch
from agent_workers.client.client import Client
from agent_workers.terminal.errors import WronglyAsked
from agent_workers.terminal.given import read_input
from agent_workers.terminal.printing import print_json
from agent_workers.terminal.times import instant_on_the_wire, seconds, seconds_or_instant

# Members of the API's request, each with the name of its flag here.
_OPTIONS = {
    "max_cost_usd": "max_cost_usd",
    "max_steps": "max_steps",
    "deadline": "deadline",
    "priority": "priority",
    "delay": "delay",
    "run_at": "run_at",
    "callback_url": "callback_url",
    "session_id": "session",
    "user_id": "user",
    "on_busy": "on_busy",
}


def add_submit_arguments(submit: argparse.ArgumentParser) -> None:
    submit.epilog = f"With --wait or --watch, {EXIT_CODES}."
    submit.add_argument("agent", help="the agent's name, as `agent-workers agents list` shows it")
    submit.add_argument("input", help="text, a JSON object, @FILE, or - for standard input")
    noted = "kept with the job, and shown; repeatable"
    submit.add_argument("--metadata", action="append", default=[], metavar="NAME=VALUE", help=noted)
    submit.add_argument(
        "--idempotency-key", metavar="KEY", help="the same key never makes a second job"
    )
    _add_limits(submit)
    _add_start(submit)
    submit.add_argument("--session", metavar="ID", help="the conversation that it belongs to")
    submit.add_argument("--user", metavar="ID", help="the user that the job is for")
    busy = (
        "if its session has an unfinished job: wait for it (queue), be refused (reject),"
        " or cancel it (interrupt)"
    )
    submit.add_argument("--on-busy", choices=["queue", "reject", "interrupt"], help=busy)
    told = "POST to this URL when the job ends (docs/webhooks.md)"
    submit.add_argument("--callback-url", metavar="URL", help=told)
    _add_following(submit)


def submit_job(client: Client, arguments: argparse.Namespace) -> int:
    if arguments.timeout and not (arguments.wait or arguments.watch):
        raise WronglyAsked("--timeout needs --wait or --watch; --deadline ends the job itself")
    metadata = dict(_pair(text) for text in arguments.metadata)
    said = {name: getattr(arguments, flag) for name, flag in _OPTIONS.items()}
    job = client.submit(
        arguments.agent,
        read_input(arguments.input),
        idempotency_key=arguments.idempotency_key,
        metadata=metadata or None,
        **{name: value for name, value in said.items() if value is not None},
    )
    if arguments.watch or arguments.wait:
        follow = watch if arguments.watch else wait
        return follow(client, job.id, timeout=arguments.timeout)
    if arguments.json:
        print_json(job.raw)
    else:
        print(job.id)
    return 0


def _add_limits(submit: argparse.ArgumentParser) -> None:
    ends = "fail the job if it has not ended by then: 10m, 2h, or 2030-01-31T12:00:00Z (UTC if no zone is given)"
    submit.add_argument("--deadline", type=seconds_or_instant, metavar="TIME", help=ends)
    cost = "what the job and its child jobs may cost together"
    submit.add_argument("--max-cost-usd", type=float, metavar="USD", help=cost)
    submit.add_argument("--max-steps", type=int, metavar="N", help="how many steps it may have")


def _add_start(submit: argparse.ArgumentParser) -> None:
    first = "0 to 100 (0); a higher one goes first among your own jobs"
    submit.add_argument("--priority", type=int, metavar="N", help=first)
    later = "start it after this time, counted from now or from --run-at: 90s, 10m, 2h, 1d"
    submit.add_argument("--delay", type=seconds, metavar="DURATION", help=later)
    at = "start it at this time: 2030-01-31T12:00:00Z; UTC if no zone is given"
    submit.add_argument("--run-at", type=instant_on_the_wire, metavar="TIME", help=at)


def _add_following(submit: argparse.ArgumentParser) -> None:
    following = submit.add_mutually_exclusive_group()
    following.add_argument(
        "--wait", action="store_true", help="wait for its end, and print its output"
    )
    following.add_argument(
        "--watch", action="store_true", help="print its events as they happen, then its output"
    )
    following.add_argument("--json", action="store_true", help="print the job as JSON")
    add_timeout(submit)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise WronglyAsked(f"--metadata takes NAME=VALUE, not {text!r}")
    return name, value
