"""Places among a tool's calls, in Postgres: exact over all workers, free when their holder is gone."""

from collections.abc import Sequence
from datetime import timedelta

from agent_workers.domain.claim import Claimed, Due
from agent_workers.domain.ids import WorkerId
from agent_workers.state.database.engine import Database
from agent_workers.state.steps.sweeps import dues

_TAKE = "select take_tool_place(%s, %s, %s, %s, %s, %s, %s, %s)"
_LEAVE = """
select tenant_id, job_id, "position", kind, lane, high, rings
  from leave_tool_place(%s, %s, %s, %s, %s, %s)"""


class ToolPlaces:
    """The places that one worker process takes."""

    def __init__(self, database: Database, worker_id: WorkerId) -> None:
        self._database = database
        self._worker_id = worker_id

    def take(self, claimed: Claimed, *, most: int, longest: timedelta) -> bool:
        """Take one of `most` places, for no longer than `longest`; false when there is none."""
        longest_ms = round(longest / timedelta(milliseconds=1))
        tool, *place = _place(claimed)
        with self._database.connection() as connection:
            row = connection.execute(
                _TAKE, (tool, most, *place, self._worker_id, longest_ms)
            ).fetchone()
        return row is not None and bool(row[0])

    def leave(self, claimed: Claimed, *, most: int) -> Sequence[Due]:
        """Give a place among `most` back; returns who is to be rung for it."""
        tool, *place = _place(claimed)
        with self._database.connection() as connection:
            return dues(connection, _LEAVE, (tool, most, *place))


def _place(claimed: Claimed) -> tuple[object, ...]:
    """Of each claim its own: who lost a step may still be calling its tool."""
    return (claimed.tool, claimed.tenant_id, claimed.job_id, claimed.position, claimed.fence)
