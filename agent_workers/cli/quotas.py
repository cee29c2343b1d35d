"""`agent-workers quotas`: shows and sets how much a tenant may have: schedules, triggers, …, bytes."""

import argparse
import re
from dataclasses import asdict
from typing import Final

from agent_workers.cli.verbs import verbs_here
from agent_workers.domain.ids import TenantId
from agent_workers.local.database import database_at
from agent_workers.local.surroundings import system_here
from agent_workers.state.access.quotas import KINDS, Quota, Quotas
from agent_workers.terminal.errors import WronglyAsked
from agent_workers.terminal.printing import UNITS, add_json, bytes_in_words, print_json, print_rows

_NUMBER: Final = re.compile(rf"([0-9]{{1,18}}) ?({'|'.join(UNITS)})?")
_GREATEST: Final = 10**18  # of 64 bits


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = verbs_here(parser, whose="quotas")
    listing = add("list", "list what a tenant uses of each kind, and its quotas", _list)
    add_json(listing)
    setting = add("set", "set a quota of a tenant; what it has already stays", _set)
    setting.add_argument("kind", choices=KINDS, help="what is limited")
    setting.add_argument("most", help="a number (of bytes also as `5GiB`), or `default`")


def run(arguments: argparse.Namespace) -> int:
    settings = system_here(arguments)
    with database_at(settings.database_url, "quotas") as database:
        code: int = arguments.act(Quotas(database), TenantId(arguments.tenant), arguments)
    return code


def _list(quotas: Quotas, tenant_id: TenantId, arguments: argparse.Namespace) -> int:
    found = quotas.all(tenant_id)
    if arguments.json:
        print_json([asdict(quota) for quota in found])
    else:
        print_rows([_shown(quota) for quota in found], ("kind", "used", "most", "is_set"), none="")
    return 0


def _set(quotas: Quotas, tenant_id: TenantId, arguments: argparse.Namespace) -> int:
    quotas.set(tenant_id, arguments.kind, _most(arguments.kind, arguments.most))
    [quota] = (one for one in quotas.all(tenant_id) if one.kind == arguments.kind)
    shown = _shown(quota)
    kind = "" if quota.kind == "bytes" else f" {quota.kind}"
    print(f"tenant {tenant_id!r} may have {shown['most']}{kind}, and has {shown['used']}")
    return 0


def _shown(quota: Quota) -> dict[str, object]:
    if quota.kind != "bytes":
        return asdict(quota)
    return asdict(quota) | {"used": bytes_in_words(quota.used), "most": bytes_in_words(quota.most)}


def _most(kind: str, text: str) -> int | None:
    if text == "default":
        return None
    found = _NUMBER.fullmatch(text)
    most = int(found[1]) * UNITS.get(found[2], 1) if found else _GREATEST
    if most >= _GREATEST or (found and found[2] and kind != "bytes"):
        number = "number of bytes, like 500MiB or 5GiB," if kind == "bytes" else "number"
        raise WronglyAsked(f"{text!r} is neither a {number} nor `default`")
    return most
