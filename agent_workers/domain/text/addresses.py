"""Where a server is, and why it does not answer, as people may read it: never who logs in."""

from urllib.parse import parse_qs, urlsplit

_PORTS = {"postgresql": 5432, "postgres": 5432, "amqp": 5672, "amqps": 5671, "pyamqp": 5672}
_REDIS = 6379
_LONGEST = 200


def shown_address(url: str) -> str:
    """Return host and port, and the database behind them; a socket's path where there is no host."""
    parts = urlsplit(url)
    kind = parts.scheme.partition("+")[0]
    name = parts.path.rstrip("/") if kind.startswith("postgres") else ""
    if not parts.hostname:
        socket = parse_qs(parts.query).get("host", [""])[0]
        return (socket or "localhost") + name if name else parts.path
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{host}:{parts.port or _PORTS.get(kind, _REDIS)}{name}"


def reason_of(error: Exception) -> str:
    """Return the last thing that the driver says: before it stands where, which we say better."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    told = lines[0] if len(lines) == 1 or "failed:" in lines[0] else lines[1]
    return told.rpartition("failed: ")[2].strip()[:_LONGEST]
