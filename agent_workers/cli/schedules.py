"""`agent-workers schedules`: makes, lists, changes and fires schedules over HTTP."""

import argparse
import sys
from pathlib import Path
from typing import Any

from agent_workers.cli.verbs import Verbs, run_verb, verbs_of
from agent_workers.client.client import Client
from agent_workers.terminal.errors import WronglyAsked
from agent_workers.terminal.given import read_input, read_json_file
from agent_workers.terminal.printing import add_json, counted, print_json, print_rows, print_thing
from agent_workers.terminal.times import instant, instant_on_the_wire, whole_seconds

_COLUMNS = ("id", "name", "status", "type", "when", "next_run_at", "last_run_at")
_RUNS = ("scheduled_at", "origin", "status", "skip_reason", "started", "finished_at")
_OVERLAPS = ("skip", "queue", "cancel_running", "allow")
_SAID = (
    "name timezone run_at start_at end_at overlap catch_up catch_up_window_s jitter_s expression"
    " interval_s"
).split()
# Any: JSON as the API gave it.
Json = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = verbs_of(parser)
    create = add("create", "start a job, or a batch, at set times", _create)
    create.add_argument("agent", nargs="?", help="the agent of the job; not with --batch")
    create.add_argument(
        "input", nargs="?", help="text, a JSON object, @FILE, or -; not with --batch"
    )
    create.add_argument("--batch", type=Path, metavar="FILE", help="JSON of a batch with its items")
    create.add_argument("--idempotency-key", help="the same key never makes a second schedule")
    _add_rules(create, required=True)
    edit = _of_a_schedule(add("edit", "change what is given, and nothing else", _edit))
    _add_rules(edit, required=False)
    _of_a_schedule(
        add("pause", "start nothing until resumed; what is missed meanwhile is skipped", _pause)
    )
    _of_a_schedule(add("resume", "let a paused schedule go on", _resume))
    trigger = _of_a_schedule(add("trigger", "start the job or batch of a schedule now", _trigger))
    trigger.add_argument("--overlap", choices=_OVERLAPS, help="use this policy instead of its own")
    backfill = _of_a_schedule(
        add("backfill", "run what would have run between two times in the past", _backfill)
    )
    backfill.add_argument("begin", type=instant, help="2026-01-31, or with a time and a zone (UTC)")
    backfill.add_argument("end", type=instant, help="up to this time; not after now")
    _of_a_schedule(add("delete", "delete a schedule and its runs; its jobs go on", _delete))
    _add_looks(add)


def _add_looks(add: Verbs) -> None:
    listing = add("list", "list schedules, the newest first", _list)
    listing.add_argument(
        "--status",
        choices=["active", "paused", "completed"],
        help="only schedules with this status",
    )
    add_json(listing)
    add_json(_of_a_schedule(add("show", "print a schedule", _show)))
    preview = _of_a_schedule(
        add("preview", "print the next times at which a schedule fires", _preview)
    )
    preview.add_argument("-n", type=int, default=5, help="how many times (5)")
    add_json(preview)
    runs = _of_a_schedule(add("runs", "list the runs of a schedule, the latest first", _runs))
    runs.add_argument("--status", help="only runs with this status")
    runs.add_argument("--limit", type=int, default=20, metavar="N", help="at most N runs (20)")
    add_json(runs)


def run(arguments: argparse.Namespace) -> int:
    return run_verb(arguments)


def _add_rules(parser: argparse.ArgumentParser, *, required: bool) -> None:
    rule = parser.add_mutually_exclusive_group(required=required)
    rule.add_argument("--cron", dest="expression", help="minute hour day month weekday")
    rule.add_argument(
        "--every",
        dest="interval_s",
        type=whole_seconds,
        metavar="DURATION",
        help="90s, 10m, 2h, 1d",
    )
    rule.add_argument(
        "--at",
        dest="run_at",
        type=instant_on_the_wire,
        metavar="TIME",
        help="once, at this time: 2030-01-31T12:00:00Z",
    )
    parser.add_argument("--timezone", metavar="ZONE", help="like Europe/Berlin; --cron needs it")
    parser.add_argument("--name", help="what people call it")
    parser.add_argument(
        "--start-at", type=instant_on_the_wire, metavar="TIME", help="do not fire before this time"
    )
    parser.add_argument(
        "--end-at", type=instant_on_the_wire, metavar="TIME", help="do not fire after this time"
    )
    parser.add_argument(
        "--overlap", choices=_OVERLAPS, help="what to do if the previous run has not ended (skip)"
    )
    parser.add_argument(
        "--catch-up",
        choices=["none", "last", "all"],
        help="which missed times to run (last)",
    )
    late = "how late a missed time may still run (1d)"
    parser.add_argument(
        "--catch-up-window",
        dest="catch_up_window_s",
        type=whole_seconds,
        metavar="DURATION",
        help=late,
    )
    spread = "start each job up to this time later, to spread the load"
    parser.add_argument(
        "--jitter", dest="jitter_s", type=whole_seconds, metavar="DURATION", help=spread
    )


def _create(client: Client, arguments: argparse.Namespace) -> int:
    made = client.schedules.create(
        _target(arguments), idempotency_key=arguments.idempotency_key, **_said(arguments)
    )
    print(made["id"])
    return 0


def _edit(client: Client, arguments: argparse.Namespace) -> int:
    said = _said(arguments)
    if not said:
        raise WronglyAsked("nothing to change was given: see `agent-workers schedules edit --help`")
    changed = client.schedules.change(arguments.schedule_id, **said)
    return _say_next(changed)


def _list(client: Client, arguments: argparse.Namespace) -> int:
    found = client.schedules.all(status=arguments.status)
    if arguments.json:
        print_json(found)
    else:
        print_rows(
            [one | {"when": _when(one)} for one in found],
            _COLUMNS,
            none="no schedules; make one with `agent-workers schedules create`",
        )
    return 0


def _show(client: Client, arguments: argparse.Namespace) -> int:
    print_thing(client.schedules.get(arguments.schedule_id), as_json=arguments.json)
    return 0


def _pause(client: Client, arguments: argparse.Namespace) -> int:
    print(f"{arguments.schedule_id} is {client.schedules.pause(arguments.schedule_id)['status']}")
    return 0


def _resume(client: Client, arguments: argparse.Namespace) -> int:
    return _say_next(client.schedules.resume(arguments.schedule_id))


def _say_next(schedule: Json) -> int:
    at = schedule["next_run_at"]
    print(f"{schedule['id']} " + (f"fires next at {at}" if at else f"is {schedule['status']}"))
    return 0


def _trigger(client: Client, arguments: argparse.Namespace) -> int:
    run = client.schedules.trigger(arguments.schedule_id, overlap=arguments.overlap)
    print(run["job_id"] or run["batch_id"] or f"{run['status']}: {run['skip_reason']}")
    return 0


def _preview(client: Client, arguments: argparse.Namespace) -> int:
    found = client.schedules.preview(arguments.schedule_id, count=arguments.n)
    if arguments.json:
        print_json(found)
    elif found:
        print("\n".join(found))
    else:
        see = "`agent-workers schedules show` says why"
        print(f"{arguments.schedule_id} does not fire any more: {see}", file=sys.stderr)
    return 0


def _runs(client: Client, arguments: argparse.Namespace) -> int:
    found = client.schedules.runs(
        arguments.schedule_id, status=arguments.status, most=arguments.limit
    )
    if arguments.json:
        print_json(found)
    else:
        rows = [one | {"started": one["job_id"] or one["batch_id"]} for one in found]
        print_rows(rows, _RUNS, none="no runs")
    return 0


def _backfill(client: Client, arguments: argparse.Namespace) -> int:
    count = client.schedules.backfill(arguments.schedule_id, arguments.begin, arguments.end)
    print(f"{counted(count, 'run')} requested")
    return 0


def _delete(client: Client, arguments: argparse.Namespace) -> int:
    client.schedules.delete(arguments.schedule_id)
    return 0


def _target(arguments: argparse.Namespace) -> Json:
    if arguments.batch is not None:
        if arguments.agent:
            raise WronglyAsked("the items in --batch FILE name their agents: leave AGENT out")
        return {"batch": read_json_file(arguments.batch, what="the batch")}
    if arguments.input is None:
        raise WronglyAsked("give AGENT and INPUT, or --batch FILE")
    return {"job": {"agent": arguments.agent, "input": read_input(arguments.input)}}


def _said(arguments: argparse.Namespace) -> Json:
    said = {name: getattr(arguments, name) for name in _SAID}
    given = {name: value for name, value in said.items() if value is not None}
    kinds = {"expression": "cron", "interval_s": "interval", "run_at": "once"}
    named = [kind for name, kind in kinds.items() if name in given]
    return given | ({"type": named[0]} if named else {})


def _when(schedule: Json) -> str:
    if schedule["type"] == "cron":
        return f"{schedule['expression']} {schedule['timezone']}"
    return schedule["run_at"] or f"every {schedule['interval_s']} s"


def _of_a_schedule(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument(
        "schedule_id", metavar="SCHEDULE", help="its id, as `schedules list` shows it"
    )
    return parser
