"""The table of quotas: how many of a kind a tenant may have, and has."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, Table, Text

from agent_workers.state.tables import count, metadata

quotas = Table(
    "quotas",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    # Null: as many as by default.
    Column("most", BigInteger),
    count("used", BigInteger),
    CheckConstraint("most >= 0", name="most"),
    CheckConstraint("used >= 0", name="used"),
)
# What was deleted while somebody else was counting: whoever counts next takes it off.
quota_returns = Table(
    "quota_returns",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Index(None, "tenant_id", "kind"),
)
