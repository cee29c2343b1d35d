"""How many files and sockets this process may open, and so how many connections it takes."""

import resource

from api.process.crowd import Bounds

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


def bounds_of(*, connections: int, per_address: int, pool_size: int, limit: int) -> Bounds:
    """Return what fits under the limit of open files; one address has half unless told otherwise."""
    fitting = max(1, min(connections, limit - pool_size - _OURS))
    return Bounds(
        connections=fitting, per_address=min(per_address or max(1, fitting // 2), fitting)
    )
