"""The tables of MCP servers and of their tools."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from agent_workers.state.tables import metadata, when

_SEEN = "(seen is null) = (seen_hash is null) and octet_length(seen) <= 65536"
_APPROVED = (
    "(approved is null) = (approved_hash is null) and (approved is null) = (approved_at is null)"
)
_KEYED = (
    "(effect = 'keyed') = (key_ttl_s is not null) and (effect = 'keyed') = (key_argument <> '')"
)


def _empty(name: str) -> Column[object]:
    return Column(name, Text, nullable=False, server_default="")


def _mapping(name: str) -> Column[object]:
    return Column(name, JSONB, nullable=False, server_default=text("'{}'"))


def _version() -> Column[object]:
    return Column("version", BigInteger, nullable=False, server_default=text("1"))


def _hash_of(column: str) -> CheckConstraint:
    told = f"{column}_hash = encode(sha256(convert_to({column}, 'UTF8')), 'hex')"
    return CheckConstraint(told, name=f"{column}_hash")


mcp_servers = Table(
    "mcp_servers",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("command", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    _mapping("env"),
    _empty("url"),
    _mapping("headers"),
    Column("reads", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("network", Boolean, nullable=False, server_default=text("false")),
    Column("state", Text, nullable=False, server_default="enabled"),
    _version(),
    _empty("created_by"),
    when("created_at", required=True),
    # When a worker shall ask the server for its tools; while one does, when another one may.
    when("refresh_due_at"),
    when("refreshed_at"),
    _empty("error"),
    CheckConstraint("name ~ '^[a-z][a-z0-9_-]{0,23}$'", name="name"),
    CheckConstraint("state in ('enabled', 'disabled', 'removed')", name="state"),
    CheckConstraint("(command = '{}') <> (url = '')", name="place"),
    CheckConstraint(
        "jsonb_typeof(env) = 'object'"
        " and (command <> '{}' or env = '{}' and reads = '{}' and not network)",
        name="env",
    ),
    CheckConstraint(
        "jsonb_typeof(headers) = 'object' and (url <> '' or headers = '{}')", name="headers"
    ),
)
Index(
    "mcp_servers_refresh_due_at_idx",
    mcp_servers.c.refresh_due_at,
    postgresql_where=text("refresh_due_at is not null"),
)

mcp_tools = Table(
    "mcp_tools",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("server", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    # Definitions as JSON text, so that the database itself can hold them against their hashes.
    Column("seen", Text),
    Column("seen_hash", Text),
    when("seen_at"),
    _mapping("hints"),
    Column("approved", Text),
    Column("approved_hash", Text),
    when("approved_at"),
    _empty("approved_by"),
    Column("effect", Text, nullable=False, server_default="unsafe"),
    Column("timeout_ms", Integer, nullable=False, server_default=text("30000")),
    Column("key_ttl_s", Integer),
    _empty("key_argument"),
    Column("errors_are_final", Boolean, nullable=False, server_default=text("false")),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    _version(),
    ForeignKeyConstraint(["tenant_id", "server"], ["mcp_servers.tenant_id", "mcp_servers.name"]),
    CheckConstraint(_SEEN, name="seen"),
    _hash_of("seen"),
    CheckConstraint(_APPROVED, name="approved"),
    _hash_of("approved"),
    CheckConstraint("effect in ('pure', 'keyed', 'unsafe')", name="effect"),
    CheckConstraint(_KEYED, name="keyed"),
    CheckConstraint("timeout_ms between 100 and 3600000", name="timeout"),
)
