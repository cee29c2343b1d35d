"""`agent-workers jobs`: submits, follows and controls jobs over HTTP."""

import argparse

from agent_workers.cli.jobs.files import add_files_arguments, list_files, show_file
from agent_workers.cli.jobs.follow import EXIT_CODES, add_timeout, seen_now, watch
from agent_workers.cli.jobs.mail import answer_job, send_to_job
from agent_workers.cli.jobs.needs import waits_in_short
from agent_workers.cli.jobs.show import print_job
from agent_workers.cli.jobs.submit import add_submit_arguments, submit_job
from agent_workers.cli.jobs.trace import print_trace, print_trace_json
from agent_workers.cli.verbs import Verbs, run_verb, verbs_of
from agent_workers.client.client import Client, Job
from agent_workers.domain.job import JobStatus
from agent_workers.terminal.printing import add_json, print_json, print_rows

_COLUMNS = ("id", "agent", "status", "created_at", "finished_at", "status_detail")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = verbs_of(parser)
    add_submit_arguments(add("submit", "submit a job; print its id, or follow it", submit_job))
    listing = add("list", "list jobs, the newest first", _list)
    statuses = [status.value for status in JobStatus]
    listing.add_argument("--status", choices=statuses, metavar="STATUS", help=", ".join(statuses))
    listing.add_argument("--agent", help="only jobs of this agent")
    listing.add_argument("--limit", type=int, default=20, metavar="N", help="at most N jobs (20)")
    add_json(listing)
    show = _of_a_job(add("show", "print a job's status, its steps and what it waits for", _show))
    add_json(show)
    trace = _of_a_job(add("trace", "print a job's trace: what each stage did", _trace))
    trace.add_argument("--json", action="store_true", help="a line of JSON for each stage")
    following = _of_a_job(
        add("watch", "print a job's events as they happen, until it ends", _watch)
    )
    add_timeout(following)
    following.epilog = EXIT_CODES
    files = _of_a_job(add("files", "list the files that a job wrote", list_files))
    file = _of_a_job(add("file", "print a file that a job wrote, or save it with --out", show_file))
    add_files_arguments(files, file)
    _add_controls(add)


def run(arguments: argparse.Namespace) -> int:
    return run_verb(arguments)


def _add_controls(add: Verbs) -> None:
    cancel = _of_a_job(add("cancel", "cancel a job", _cancel))
    cancel.add_argument("--reason", default="", help="kept with the job")
    cancel.add_argument("--now", action="store_true", help="do not wait for running steps")
    pause = _of_a_job(add("pause", "start no further step of a job", _pause))
    pause.add_argument("--reason", default="", help="kept with the job")
    _of_a_job(add("resume", "let a paused job go on", _resume))
    answer = _of_a_job(add("answer", "answer a question that a job asks", answer_job))
    words = "VALUE is text or JSON; KEY is needed if the job asks several questions"
    answer.add_argument("words", nargs="+", metavar="[KEY] VALUE", help=words)
    send = _of_a_job(add("send", "send an event to a job", send_to_job))
    send.add_argument("name", help="the name of the event that the job waits for")
    send.add_argument("data", nargs="?", default="null", help="text, JSON, @FILE, or -")
    send.add_argument(
        "--idempotency-key", metavar="KEY", help="the same key never sends a second event"
    )


def _list(client: Client, arguments: argparse.Namespace) -> int:
    wanted = {"status": arguments.status, "agent": arguments.agent}
    filters = {name: value for name, value in wanted.items() if value}
    found = list(client.each_job(most=arguments.limit, **filters))
    if arguments.json:
        print_json(found)
    else:
        none = "no jobs; submit one with `agent-workers jobs submit AGENT INPUT`"
        rows = [
            job | {"status_detail": job["status_detail"] or waits_in_short(job)} for job in found
        ]
        print_rows(rows, _COLUMNS, none="no job matches" if filters else none)
    return 0


def _show(client: Client, arguments: argparse.Namespace) -> int:
    if arguments.json:
        job = client.get(arguments.job_id).raw
        print_json(job | {"steps": client.steps(arguments.job_id)})
    else:
        print_job(seen_now(client, arguments.job_id))
    return 0


def _trace(client: Client, arguments: argparse.Namespace) -> int:
    entries = client.trace(arguments.job_id)
    if arguments.json:
        print_trace_json(entries)
    else:
        print_trace(entries)
    return 0


def _watch(client: Client, arguments: argparse.Namespace) -> int:
    return watch(client, arguments.job_id, timeout=arguments.timeout)


def _cancel(client: Client, arguments: argparse.Namespace) -> int:
    return _say(client.cancel(arguments.job_id, reason=arguments.reason, now=arguments.now))


def _pause(client: Client, arguments: argparse.Namespace) -> int:
    return _say(client.pause(arguments.job_id, reason=arguments.reason))


def _resume(client: Client, arguments: argparse.Namespace) -> int:
    return _say(client.resume(arguments.job_id))


def _of_a_job(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("job_id", metavar="JOB", help="its id, as job_…")
    return parser


def _say(job: Job) -> int:
    print(f"{job.id} is {job.status}")
    return 0
