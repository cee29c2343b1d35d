"""`agent-workers breakers`: shows circuit breakers, and opens or closes them by hand."""

import argparse
from collections.abc import Callable
from datetime import datetime

from agent_workers.cli.verbs import verbs_here
from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.breaker import BREAKER_KINDS, Breaker, BreakerSeen, Place
from agent_workers.domain.ids import TenantId
from agent_workers.domain.text.nearest import did_you_mean
from agent_workers.governance.breakers import closed, opened_by_hand
from agent_workers.local.database import database_at
from agent_workers.local.surroundings import system_here
from agent_workers.state.catalogue.breakers import BreakerRows
from agent_workers.state.catalogue.tools import Tools
from agent_workers.state.database.engine import Database
from agent_workers.terminal.errors import CommandFailed, WronglyAsked
from agent_workers.terminal.printing import add_json, print_json, print_rows

_COLUMNS = ("name", "tenant", "state", "until", "reason", "opens", "failures", "parked", "by_hand")
_TURNS = 20
_MOST_TOOLS = 1_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = verbs_here(parser)
    listing = add("list", "list the breakers of tools and models that have failed", _list)
    add_json(listing)
    opening = add("open", "block all calls of a tool or a model; its jobs wait", _open)
    opening.add_argument("name", help="tool:NAME or model:NAME")
    opening.add_argument(
        "--tenant", default=EVERYBODY, help="block it for this tenant only (by default for all)"
    )
    opening.add_argument("--reason", default="opened by an operator", help="shown in the list")
    close = add("close", "allow calls again; waiting jobs go on", _close)
    close.add_argument("name", help="as `list` shows it")
    close.add_argument("--tenant", help="close it for this tenant only (by default for all)")


def run(arguments: argparse.Namespace) -> int:
    settings = system_here(arguments)
    with database_at(settings.database_url, "breakers") as database:
        code: int = arguments.act(database, arguments)
    return code


def _list(database: Database, arguments: argparse.Namespace) -> int:
    shown = [_shown(seen) for seen in BreakerRows(database).all()]
    if arguments.json:
        print_json(shown)
    else:
        print_rows(shown, _COLUMNS, none="no tool or model has failed")
    return 0


def _open(database: Database, arguments: argparse.Namespace) -> int:
    name: str = arguments.name
    if not name.startswith(BREAKER_KINDS):
        raise WronglyAsked(f"a breaker is named tool:NAME or model:NAME, not {name!r}")
    _check_tool(database, name)
    place = (name, TenantId(arguments.tenant))
    _change(
        BreakerRows(database),
        place,
        lambda old, now: opened_by_hand(old, now, reason=arguments.reason),
    )
    print(f"{name} is open until it is closed by hand")
    return 0


def _check_tool(database: Database, name: str) -> None:
    """Refuse what no worker has: a name with a typo would stop nothing."""
    kind, _, tool = name.partition(":")
    # Tools of MCP servers, which have a dot, are known elsewhere.
    if kind != "tool" or "." in tool or Tools(database).one(tool):
        return
    known = [one.name for one in Tools(database).page(limit=_MOST_TOOLS).rows]
    near = did_you_mean(tool, known)
    raise WronglyAsked(f"no worker has registered a tool {tool!r}{near and f'; {near}'}")


def _close(database: Database, arguments: argparse.Namespace) -> int:
    rows = BreakerRows(database)
    name: str = arguments.name
    meant = [
        seen.breaker.place
        for seen in rows.all()
        if seen.breaker.name == name and arguments.tenant in {None, seen.breaker.tenant_id}
    ]
    if not meant:
        raise CommandFailed(f"there is no breaker {name!r}: see `agent-workers breakers list`")
    for place in meant:
        _change(rows, place, closed)
    print(f"{name} is closed; if its calls go on failing, it opens again")
    return 0


def _change(
    rows: BreakerRows, place: Place, change: Callable[[Breaker, datetime], Breaker]
) -> None:
    for _ in range(_TURNS):
        seen = rows.see(*place)
        if rows.swap(seen.breaker, change(seen.breaker, seen.now)) is not None:
            return
    raise CommandFailed(f"the breaker {place[0]!r} keeps changing; try again")


def _shown(seen: BreakerSeen) -> dict[str, object]:
    breaker = seen.breaker
    return {
        "name": breaker.name,
        "tenant": breaker.tenant_id,
        "state": breaker.state.value,
        "until": breaker.until,
        "reason": breaker.reason,
        "opens": breaker.opens,
        "failures": breaker.failures,
        "successes": breaker.successes,
        "parked": seen.parked,
        "by_hand": breaker.by_hand,
        "changed_at": breaker.changed_at,
    }
