"""`agent-workers migrate`: brings the schema to this release, or says how far behind it is."""

import argparse

from agent_workers.local.database import database_at
from agent_workers.local.migrations import downgrade, is_behind, known, newest, upgrade
from agent_workers.local.surroundings import add_folder, settings_here
from agent_workers.observability.logs import set_up_logs
from agent_workers.state.access.grants import grant_in
from agent_workers.state.access.role_defaults import (
    Answer,
    Ask,
    Told,
    forget_role_defaults,
    set_role_defaults,
)
from agent_workers.state.awaiting import await_database
from agent_workers.state.jobs.reads import Reads
from agent_workers.terminal.errors import CommandFailed, WronglyAsked


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_folder(parser)
    parser.add_argument("--to", metavar="REVISION", help="go forward or back to this revision")
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 when the schema is behind"
    )
    parser.add_argument(
        "--role-defaults",
        choices=[ask.value for ask in Ask],
        default=Ask.AUTO.value,
        help="make the session settings of agent_workers defaults of the workers' role in this database, for poolers that"
        " drop connection options (auto: unless the role is used for other things there)",
    )


def run(arguments: argparse.Namespace) -> int:
    settings = settings_here(arguments)
    settings.demand("database_url")
    wanted = arguments.to or newest()
    if wanted != "base" and not known(wanted):
        raise WronglyAsked(f"this release has no migration {wanted!r}")
    url, ask = settings.direct_database_url, Ask(arguments.role_defaults)
    set_up_logs(**settings.logs)
    await_database(url, patience_s=settings.start_wait_s)
    if arguments.check:
        return _report(stands(url), wanted)
    if wanted == "base":
        forget_role_defaults(url, workers_url=settings.database_url)
    else:
        _say(set_role_defaults(url, workers_url=settings.database_url, ask=ask))
    stands_at = stands(url)
    if stands_at == wanted:
        print(f"the schema is at {wanted}")
        return _grant(url)
    code = _move(url, stands_at, wanted, asked=bool(arguments.to))
    return code if wanted == "base" else _grant(url)


def _grant(url: str) -> int:
    """What a migration has made is for nobody until it is granted."""
    if roles := grant_in(url):
        print(f"granted their rights to these roles: {', '.join(roles)}")
    return 0


def _say(told: Told) -> None:
    match told.answer:
        case Answer.SET:
            print(
                f"role {told.role} has the session settings of agent_workers as its defaults in"
                f" database {told.database}"
            )
        case Answer.SHARED:
            print(
                f"left the defaults of role {told.role} alone: it is a superuser, or used for other"
                " things here. Without a pooler nothing is missing; behind one that drops"
                " connection options give the workers a role of their own (or use"
                " --role-defaults set)"
            )
        case Answer.FORBIDDEN | Answer.UNKNOWN:
            print(f"if a pooler drops connection options, run this for role {told.role}:")
            for statement in told.statements:
                print(f"  {statement};")
        case Answer.LEFT:
            pass


def stands(database_url: str) -> str | None:
    with database_at(database_url, "migrate") as database:
        return Reads(database).schema_revision()


def _report(stands_at: str | None, wanted: str) -> int:
    behind = stands_at is None or (known(stands_at) and is_behind(stands_at, wanted))
    print(f"the schema is at {stands_at or 'no migration'}; this release needs {wanted}")
    return int(behind)


def _move(url: str, stands_at: str | None, wanted: str, *, asked: bool) -> int:
    if stands_at is not None and not known(stands_at):
        if asked:
            raise CommandFailed(
                f"the schema is at {stands_at}, which a newer release made: use that release"
            )
        print(f"the schema is at {stands_at}, made by a newer release: nothing to do")
        return 0
    back = wanted == "base" or (stands_at is not None and is_behind(wanted, stands_at))
    if back:
        downgrade(url, wanted)
    else:
        upgrade(url, wanted)
    print(f"the schema moved from {stands_at or 'no migration'} to {wanted}")
    return 0
