"""The verbs of `agent-workers triggers` that work on the database itself."""

import argparse

from agent_workers.domain.ids import TenantId
from agent_workers.local.database import database_at
from agent_workers.local.surroundings import add_folder, system_here
from agent_workers.state.triggers.watching import Watch, Watching
from agent_workers.terminal.errors import WronglyAsked
from agent_workers.terminal.printing import add_json, print_json, print_rows

_OPERATIONS = ("insert", "update", "delete")


def add_watch_arguments(watch: argparse.ArgumentParser) -> None:
    add_folder(watch)
    watch.add_argument("table", help="its name, with its schema unless that is on the search path")
    watch.add_argument("--agent", required=True, help="start a job of this agent for each row")
    watch.add_argument(
        "--on", default="insert", help="insert, update, delete; separated by commas (insert)"
    )
    watch.add_argument(
        "--key",
        default="",
        help="columns, separated by commas: one job ever for each of their values",
    )
    watch.add_argument(
        "--when", default="", metavar="SQL", help="a condition on the rows new and old"
    )
    watch.add_argument("--tenant", default="default", help="the tenant of the jobs (default)")
    _add_name(watch)
    watch.set_defaults(watching=_watch)


def add_unwatch_arguments(unwatch: argparse.ArgumentParser) -> None:
    add_folder(unwatch)
    unwatch.add_argument("table", help="as `triggers watched` shows it")
    _add_name(unwatch)
    unwatch.set_defaults(watching=_unwatch)


def add_watched_arguments(watched: argparse.ArgumentParser) -> None:
    add_folder(watched)
    add_json(watched)
    watched.set_defaults(watching=_show)


def run_watch(arguments: argparse.Namespace) -> int:
    settings = system_here(arguments)
    with database_at(settings.database_url, "triggers") as database:
        code: int = arguments.watching(Watching(database), arguments)
    return code


def _watch(watching: Watching, arguments: argparse.Namespace) -> int:
    table = watching.watch(
        Watch(
            table=arguments.table,
            name=arguments.name,
            agent=arguments.agent,
            tenant_id=TenantId(arguments.tenant),
            operations=[_operation(word) for word in _words(arguments.on)],
            key=_words(arguments.key),
            when=arguments.when,
        )
    )
    print(f"{table} is watched: {arguments.on} starts a job of {arguments.agent}")
    return 0


def _unwatch(watching: Watching, arguments: argparse.Namespace) -> int:
    watching.unwatch(arguments.table, arguments.name)
    print(f"{arguments.table} is no longer watched")
    return 0


def _show(watching: Watching, arguments: argparse.Namespace) -> int:
    rows = [{"table": t, "name": name, "trigger": text} for t, name, text in watching.all()]
    if arguments.json:
        print_json(rows)
    else:
        print_rows(rows, ("table", "name", "trigger"), none="no table is watched")
    return 0


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", default="agent_workers", help="the trigger's name on the table")


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _operation(word: str) -> str:
    if word.lower() not in _OPERATIONS:
        raise WronglyAsked(f"--on takes {', '.join(_OPERATIONS)}, not {word!r}")
    return word.lower()
