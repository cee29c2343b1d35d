"""How many files and sockets this process may open, and so how many connections it takes."""

import resource

from agent_workers.settings import Settings
from api.crowd import Bounds

# Log files, the event loop, Redis, DNS, and everything else that is no connection of a client.
_OURS = 128
_MOST = 1_048_576


def raised_limit() -> int:
    """Raise the limit of open files as far as we may, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST if hard == resource.RLIM_INFINITY else min(hard, _MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):  # macOS allows less than it says
            return soft
        return wanted
    return wanted if soft == resource.RLIM_INFINITY else soft


def bounds_of(settings: Settings, *, limit: int) -> Bounds:
    """Return what fits under the limit of open files."""
    room = max(1, limit - settings.db_pool_size - _OURS)
    connections = min(settings.api_connections, room)
    per_address = settings.api_connections_per_address or max(1, connections // 2)
    return Bounds(connections=connections, per_address=min(per_address, connections))
