"""Checks of the connections that workers use: what they are set to, and what a pooler takes away."""

from collections.abc import Iterator

from agent_workers.domain.errors import StateUnavailable
from agent_workers.settings import Settings
from agent_workers.state.database.pooling import SessionSeen, look_at
from agent_workers.state.database.session_settings import SETTINGS
from agent_workers.terminal.findings import Finding, fail, ok, warn

# Without these nothing is found, or a key or a schedule that was acknowledged may be lost; a permit
# sets the others for itself.
_NEEDED = {"search_path", "synchronous_commit"}
_MIGRATE = "run `agent-workers migrate`, then let the pooler reconnect"


def session(seen: SessionSeen) -> Iterator[Finding]:
    """Judge a connection of the pool: does each setting that we count on arrive?"""
    for name, wanted in SETTINGS.items():
        if name not in seen.wrong:
            yield ok(f"session setting {name} is in force")
        else:
            is_now = seen.wrong[name] or "empty"
            say = fail if name in _NEEDED else warn
            yield say(
                f"{name} is {is_now}, not {wanted}: a pooler drops connection options", _MIGRATE
            )
    if seen.is_shared:
        remedy = "nothing to do if AGENT_DIRECT_DATABASE_URL bypasses it"
        yield warn(
            "a pooler in transaction mode is in between: statements are not prepared", remedy
        )
    elif seen.is_pooled:
        yield ok("a pooler in session mode is in between")


def role(powers: str) -> Finding:
    """Judge whom we connect as: a stolen connection may do what its role may do."""
    if powers:
        remedy = "use roles of its own: see `Roles` in docs/operating.md"
        return warn(f"the database role has rights over the server ({powers})", remedy)
    return ok("the database role has no rights over the server")


def direct(settings: Settings) -> Finding:
    """Judge the connection that holds the lock of a living worker."""
    remedy = (
        "let AGENT_DIRECT_DATABASE_URL bypass the pooler; until then a killed worker is noticed"
        " only when its lease ends"
    )
    try:
        seen = look_at(settings.direct_database_url)
    except StateUnavailable as error:
        return warn(f"the direct URL cannot be reached ({str(error).splitlines()[0]})", remedy)
    if seen.is_shared:
        return warn("the direct URL holds no session locks: a pooler shares its sessions", remedy)
    return ok("the direct URL holds session locks: killed workers are noticed at once")
