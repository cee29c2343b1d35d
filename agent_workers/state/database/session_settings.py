"""What each of our sessions is set to, and whether one that a pooler handed out really is."""

from collections.abc import Mapping
from typing import Final

# Nobody else creates anything in our schema, so a name on this path means what we meant.
SCHEMA: Final = "agent_workers"
# A program whose callers wait for less long asks for less.
STATEMENT_S: Final = 30
# A frozen client must not hold a lock, and a lock must not hold a job, for longer than this;
# whoever waits for a lock outlasts a holder that froze, or a cancel would fail for no reason.
# A permit or a submission that was acknowledged must be there after a crash of Postgres.
SETTINGS: Final[Mapping[str, str]] = {
    "search_path": f"{SCHEMA}, pg_temp",
    "idle_in_transaction_session_timeout": "5s",
    "lock_timeout": "8s",
    "statement_timeout": f"{STATEMENT_S}s",
    "synchronous_commit": "on",
}
# As libpq sends them with the connection: a pooler may drop them.
OPTIONS: Final = " ".join(f"-c {name}={value.replace(' ', '')}" for name, value in SETTINGS.items())
READ: Final = "select " + ", ".join(
    ["pg_backend_pid()", *(f"current_setting('{name}')" for name in SETTINGS)]
)
# Stronger than what we ask for: an operator may have chosen it.
_AS_GOOD: Final = {"synchronous_commit": {"remote_apply"}}


def wrong(seen: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that are not what we count on, with what they are instead."""
    return {
        name: seen[name]
        for name, wanted in SETTINGS.items()
        if _plain(seen[name]) != _plain(wanted) and seen[name] not in _AS_GOOD.get(name, set())
    }


def _plain(value: str) -> str:
    return value.replace(" ", "").replace('"', "")
