"""Evidence from disk becomes rows: once, whoever read it first."""

import psycopg

from agent_workers.domain.codec import plain
from agent_workers.domain.text.encoding import digest
from agent_workers.state.database.engine import Database
from agent_workers.state.steps.spill import Spilled, SpillUnreadable

# Whoever spilled it may have written it after all.
_KNOWN = """
select exists (select from evidence where tenant_id = %s and effect_key = %s and attempt = %s
                  and says = %s and source = %s and given_by = %s)"""
_WRITE = "select add_evidence(%s, %s, %s, %s, %s, %s, %s, %s, %s)"


class SpilledRows:
    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, spilled: Spilled) -> None:
        """Keep a proof whatever became of its step, lease or job meanwhile; a doubt ends by it."""
        proof = spilled.proof
        place = (spilled.tenant_id, proof.key, proof.attempt, proof.says, proof.source)
        try:
            with self._database.transaction() as connection:
                row = connection.execute(_KNOWN, (*place, spilled.by)).fetchone()
                if row and row[0]:
                    return
                hashed = None if proof.result is None else digest(proof.result)
                given = (*place, proof.result, hashed, spilled.by, plain(proof.reason))
                connection.execute(_WRITE, given)
        except psycopg.DatabaseError as error:
            raise SpillUnreadable(
                f"this database refuses it: {error.diag.message_primary}"
            ) from error
