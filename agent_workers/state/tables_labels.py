"""The table by which jobs are listed by their metadata, in the order of lists."""

from sqlalchemy import BigInteger, Column, DateTime, Table, Text, Uuid

from agent_workers.state.tables import metadata

job_labels = Table(
    "job_labels",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    # A hash of a name and its value; readers look at the job itself as well.
    Column("label", BigInteger, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), primary_key=True),
    Column("job_id", Uuid, primary_key=True),
)
