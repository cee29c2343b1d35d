"""How far a schema is: this release's migrations, and what a database lacks of them."""

import re
from collections.abc import Sequence
from pathlib import Path

import agent_workers

_REVISION = re.compile(r"^(down_revision|revision) = (?:\"(\w+)\"|None)$", re.MULTILINE)


def migration_order() -> tuple[str, ...]:
    """Return this release's migrations from the first to the newest, as their files say."""
    folder = Path(agent_workers.__file__).parents[1] / "migrations" / "versions"
    after: dict[str | None, str] = {}
    for path in folder.glob("*.py"):
        names = dict(_REVISION.findall(path.read_text("utf-8")))
        after[names["down_revision"] or None] = names["revision"]
    order: list[str] = []
    while (following := after.get(order[-1] if order else None)) is not None:
        order.append(following)
    return tuple(order)


def lacking(stands_at: str | None, order: Sequence[str]) -> str | None:
    """Say what a schema lacks; one newer than this code is fine: it works with the release before."""
    if stands_at is None:
        return "never migrated: run `agent-workers migrate`"
    if stands_at in order[:-1]:
        return f"at {stands_at}, but {order[-1]} is needed: run `agent-workers migrate`"
    return None
