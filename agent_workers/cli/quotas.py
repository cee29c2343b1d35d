"""`agent-workers quotas`: shows and sets how many schedules, triggers, … a tenant may have."""

import argparse
from contextlib import closing
from dataclasses import asdict

from agent_workers.cli.printing import add_json, print_json, print_rows
from agent_workers.cli.surroundings import settings_here
from agent_workers.cli.verbs import verbs_here
from agent_workers.domain.ids import TenantId
from agent_workers.state.engine import Database
from agent_workers.state.quotas import KINDS, Quotas


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = verbs_here(parser, whose="quotas")
    listing = add("list", "list what a tenant has of each kind, and may have")
    add_json(listing)
    listing.set_defaults(act=_list)
    setting = add("set", "say how many of a kind a tenant may have; what is there stays")
    setting.add_argument("kind", choices=KINDS)
    setting.add_argument("most", type=_most, help="a number, or `default`")
    setting.set_defaults(act=_set)


def run(arguments: argparse.Namespace) -> int:
    settings = settings_here(arguments)
    settings.demand("database_url")
    with closing(
        Database(settings.database_url, pool_size=1, name="agent-workers quotas")
    ) as database:
        code: int = arguments.act(Quotas(database), TenantId(arguments.tenant), arguments)
    return code


def _list(quotas: Quotas, tenant_id: TenantId, arguments: argparse.Namespace) -> int:
    rows = [asdict(quota) for quota in quotas.all(tenant_id)]
    if arguments.json:
        print_json(rows)
    else:
        print_rows(rows, ("kind", "used", "most", "is_set"), none="")
    return 0


def _set(quotas: Quotas, tenant_id: TenantId, arguments: argparse.Namespace) -> int:
    quotas.set(tenant_id, arguments.kind, arguments.most)
    [quota] = (one for one in quotas.all(tenant_id) if one.kind == arguments.kind)
    print(f"tenant {tenant_id!r} may have {quota.most} {quota.kind}, and has {quota.used}")
    return 0


def _most(text: str) -> int | None:
    if text == "default":
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:  # noqa: PLR2004 (64 bits)
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor `default`")
    return int(text)
