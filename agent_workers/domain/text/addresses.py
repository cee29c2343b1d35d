"""Where a server is, as people may read it: never who logs in, nor with what."""

from urllib.parse import parse_qs, urlsplit

_PORTS = {"postgresql": 5432, "postgres": 5432, "amqp": 5672, "amqps": 5671, "pyamqp": 5672}
_REDIS = 6379


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
