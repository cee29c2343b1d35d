"""`agent-workers batches`: submits a file of jobs, follows it, and reads what came of it."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from agent_workers.cli.verbs import run_verb, verbs_of
from agent_workers.client.batches import ENDED
from agent_workers.client.client import Client
from agent_workers.client.errors import Refused
from agent_workers.terminal.errors import CommandFailed, WronglyAsked
from agent_workers.terminal.printing import add_json, counted, print_json, print_rows, print_thing
from agent_workers.terminal.screening import command
from agent_workers.terminal.times import seconds

_COLUMNS = ("id", "status", "item_count", "created_at", "finished_at", "reason")
_COUNTED = ("pending", "running", "succeeded", "failed", "canceled")
# Any: JSON as the API gave it.
Json = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = verbs_of(parser)
    submit = add("submit", "upload a file of jobs, a line of JSON each, and start them", _submit)
    submit.add_argument(
        "file", type=Path, help='lines like {"custom_id": …, "agent": …, "input": …}'
    )
    submit.add_argument("--agent", help="the agent of lines that do not name one")
    submit.add_argument(
        "--concurrency", type=int, default=100, help="how many jobs run at once (100)"
    )
    submit.add_argument(
        "--on-error",
        choices=["continue", "stop"],
        default="continue",
        help="what to do after a job fails (continue)",
    )
    submit.add_argument(
        "--deadline", type=seconds, metavar="DURATION", help="stop it after this time: 90s, 2h"
    )
    submit.add_argument("--idempotency-key", help="the same key never makes a second batch")
    submit.add_argument("--wait", action="store_true", help="show its progress until it ends")
    listing = add("list", "list batches, the newest first", _list)
    listing.add_argument(
        "--limit", type=int, default=20, metavar="N", help="at most N batches (20)"
    )
    add_json(listing)
    add_json(_of_a_batch(add("show", "print a batch with its counts", _show)))
    _of_a_batch(add("watch", "show the progress of a batch until it ends", _watch))
    results = _of_a_batch(
        add("results", "print the result of each item, a line of JSON each", _results)
    )
    results.add_argument(
        "--output", type=Path, help="write to this file instead of standard output"
    )
    cancel = _of_a_batch(
        add("cancel", "start no more jobs of a batch, and cancel those that run", _cancel)
    )
    cancel.add_argument("--reason", default="", help="kept with the batch, and shown")


def run(arguments: argparse.Namespace) -> int:
    return run_verb(arguments)


def _submit(client: Client, arguments: argparse.Namespace) -> int:
    if not arguments.file.is_file():
        raise WronglyAsked(f"no such file: {str(arguments.file)!r}")
    terms: Json = {"concurrency": arguments.concurrency, "on_error": arguments.on_error}
    if arguments.deadline is not None:
        terms["deadline"] = arguments.deadline
    if arguments.agent:
        terms["job_template"] = {"agent": arguments.agent}
    batch = client.batches.create(idempotency_key=arguments.idempotency_key, **terms)
    batch_id = batch["id"]
    if batch["status"] == "open":  # else the key stands for a batch that runs already
        _upload(client, batch_id, arguments.file)
    print(batch_id)
    return _followed(client, batch_id) if arguments.wait else 0


def _upload(client: Client, batch_id: str, file: Path) -> None:
    try:
        told = client.batches.upload(batch_id, file)
    except Refused as refused:
        for mistake in refused.problem.get("errors", []):
            print(mistake["detail"], file=sys.stderr)
        client.batches.cancel(batch_id, reason="its file has mistakes")
        raise CommandFailed(f"nothing was started: {refused}") from refused
    print(f"{counted(told['lines'], 'line')}, {told['stored']} new", file=sys.stderr)
    client.batches.start(batch_id, item_count=client.batches.get(batch_id)["item_count"])


def _list(client: Client, arguments: argparse.Namespace) -> int:
    found = client.batches.all(limit=arguments.limit)
    if arguments.json:
        print_json(found)
    else:
        print_rows(
            found, _COLUMNS, none="no batches; submit one with `agent-workers batches submit FILE`"
        )
    return 0


def _show(client: Client, arguments: argparse.Namespace) -> int:
    print_thing(client.batches.get(arguments.batch_id), as_json=arguments.json)
    return 0


def _watch(client: Client, arguments: argparse.Namespace) -> int:
    return _followed(client, arguments.batch_id)


def _results(client: Client, arguments: argparse.Namespace) -> int:
    lines = (
        json.dumps(one, ensure_ascii=False) for one in client.batches.results(arguments.batch_id)
    )
    if arguments.output is None:
        for line in lines:
            print(line)
        return 0
    with arguments.output.open("w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)
    return 0


def _cancel(client: Client, arguments: argparse.Namespace) -> int:
    batch = client.batches.cancel(arguments.batch_id, reason=arguments.reason)
    print(f"{batch['id']} is {batch['status']}")
    return 0


def _followed(client: Client, batch_id: str) -> int:
    """Say how far it is: on one line of a terminal, else a line for each change."""
    terminal, said = sys.stderr.isatty(), ""
    for batch in client.batches.follow(batch_id):
        line = _progress(batch)
        if line == said:
            continue
        said = line
        print(f"{line:<78}" if terminal else line, end="", file=sys.stderr)
        command("\r" if terminal and batch["status"] not in ENDED else "\n", to=sys.stderr)
        sys.stderr.flush()
        if batch["status"] in ENDED:
            return 0 if batch["status"] == "completed" and not batch["counts"]["failed"] else 1
    return 1


def _progress(batch: Json) -> str:
    counts = batch["counts"]
    ended = sum(counts[name] for name in ("succeeded", "failed", "canceled"))
    share = 100 * ended // max(1, batch["item_count"])
    told = ", ".join(f"{counts[name]} {name}" for name in _COUNTED if counts[name])
    return f"{batch['status']} {share:3d}%  {told}"


def _of_a_batch(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("batch_id", metavar="BATCH", help="its id, as `batches list` shows it")
    return parser
