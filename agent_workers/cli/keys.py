"""`agent-workers keys`: creates, lists and revokes API keys; a key is shown once, when it is made."""

import argparse
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from agent_workers.cli.verbs import verbs_here
from agent_workers.domain.ids import TenantId
from agent_workers.local.database import database_at
from agent_workers.local.surroundings import system_here
from agent_workers.state.access.keys import Keys
from agent_workers.terminal.errors import CommandFailed, WronglyAsked
from agent_workers.terminal.printing import add_json, print_json, print_rows
from agent_workers.terminal.times import positive

_COLUMNS = ("key_id", "name", "created_at", "last_used_at", "expires_at", "revoked_at")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = verbs_here(parser, whose="key")
    create = add("create", "make a key, and show it once", _create)
    create.add_argument("--name", default="", help="who will use it")
    create.add_argument("--days", type=positive, help="days until it expires; by default never")
    listing = add("list", "list a tenant's keys", _list)
    add_json(listing)
    revoke = add("revoke", "revoke a key; it stops working within two seconds", _revoke)
    revoke.add_argument("key_id", help="the 8 characters after aw_live_")


def run(arguments: argparse.Namespace) -> int:
    settings = system_here(arguments, "secret_pepper")
    with database_at(settings.database_url, "keys") as database:
        code: int = arguments.act(
            Keys(database, pepper=settings.secret_pepper), TenantId(arguments.tenant), arguments
        )
    return code


def _create(keys: Keys, tenant_id: TenantId, arguments: argparse.Namespace) -> int:
    days: float | None = arguments.days
    try:
        expires_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
    except OverflowError:
        raise WronglyAsked(f"--days {days:g}: no date is that far away") from None
    print(keys.create(tenant_id, name=arguments.name, expires_at=expires_at).token)
    return 0


def _list(keys: Keys, tenant_id: TenantId, arguments: argparse.Namespace) -> int:
    rows = [asdict(key) for key in keys.all(tenant_id)]
    if arguments.json:
        print_json(rows)
    else:
        print_rows(rows, _COLUMNS, none=f"tenant {tenant_id!r} has no keys")
    return 0


def _revoke(keys: Keys, tenant_id: TenantId, arguments: argparse.Namespace) -> int:
    if not keys.revoke(tenant_id, arguments.key_id):
        raise CommandFailed(
            f"tenant {tenant_id!r} has no key {arguments.key_id!r}: see `agent-workers keys list`"
        )
    print(f"revoked {arguments.key_id}")
    return 0
