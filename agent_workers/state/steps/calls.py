"""Calls of models in steps for which nothing is held: what they may cost is written before them."""

from agent_workers.domain.claim import Claimed
from agent_workers.domain.errors import FenceLost
from agent_workers.state.database.engine import Database

_BEGIN = "select begin_call(%s, %s, %s, %s, %s)"
_BEGUN = """
select called_micro from steps where tenant_id = %s and job_id = %s and position = %s
   and fence = %s and status = 'claimed'"""


class Calls:
    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, claimed: Claimed, worst_micro: int) -> bool:
        """Hold what a call may cost at most; false when its tenant's budgets cannot pay for it."""
        with self._database.connection() as connection:
            row = connection.execute(_BEGIN, (*_place(claimed), worst_micro)).fetchone()
        said = row[0] if row else "fenced"
        if said == "fenced":
            raise FenceLost("the step was taken from its worker before it called a model")
        return bool(said == "ok")

    def begun_micro(self, claimed: Claimed) -> int:
        """What the calls of this claim may have cost at most, where nothing was held for them."""
        if claimed.hold_micro or claimed.tool:
            return 0
        with self._database.connection() as connection:
            row = connection.execute(_BEGUN, _place(claimed)).fetchone()
        return int(row[0]) if row else 0


def _place(claimed: Claimed) -> tuple[object, ...]:
    return claimed.tenant_id, claimed.job_id, claimed.position, claimed.fence
