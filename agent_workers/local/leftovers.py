"""What a killed supervisor left behind in its data folder: found, and ended in order."""

import signal

from agent_workers.embedded.leftovers import end_leftover
from agent_workers.embedded.postgres import EmbeddedPostgres
from agent_workers.embedded.processes import Blow
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.local.folder import DataFolder
from agent_workers.local.marked import end_all, marked

_PATIENCE_S = 12.0
_AT_ONCE = (Blow(signal=signal.SIGKILL, patience_s=5.0),)
_IN_ORDER = (Blow(signal=signal.SIGTERM, patience_s=_PATIENCE_S),)
GUARDIAN = "guardian"


def end_guardian(folder: DataFolder) -> bool:
    """End the guardian of a killed supervisor, which else would clean up beside us."""
    record = folder.records / f"{GUARDIAN}.json"
    return end_leftover(record, pid_file=folder.path / "none", says=GUARDIAN, blows=_AT_ONCE)


def end_programs(folder: DataFolder) -> list[str]:
    """End the programs of a killed supervisor, all at once; returns what was found."""
    records = [path for path in sorted(folder.records.glob("*.json")) if path.stem != GUARDIAN]
    found = marked(folder.path)
    names = [record.stem for record in records] if found else []
    end_all(found, patience_s=_PATIENCE_S)
    # Where processes cannot be asked for their mark, the records serve.
    none = folder.path / "none"
    names += [
        record.stem
        for record in records
        if end_leftover(record, pid_file=none, says="", blows=_IN_ORDER)
    ]
    return names


def end_servers(folder: DataFolder) -> list[str]:
    """End the embedded servers of a killed supervisor."""
    names = []
    if EmbeddedRedis(folder.redis).end_leftover():
        names.append("redis")
    if EmbeddedPostgres(folder.postgres).end_leftover():
        names.append("postgres")
    return names
