"""Runs the statements of a transactional tool that is called outside of any job."""

from collections.abc import Sequence

import psycopg

from agent_workers.domain.errors import ToolError
from agent_workers.domain.tools.tool import Statement
from agent_workers.state.database.engine import Database


def run_statements(database: Database, statements: Sequence[Statement]) -> None:
    """Run all of them in one transaction, or none."""
    try:
        with database.transaction() as connection:
            for statement in statements:
                connection.execute(statement.sql.encode(), statement.parameters)
    except psycopg.DatabaseError as error:  # what is operational was StateUnavailable before
        raise ToolError(str(error.diag.message_primary or error)) from error
