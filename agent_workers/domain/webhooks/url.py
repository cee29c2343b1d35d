"""Where webhooks may go: to https:// in public, and while developing anywhere."""

from agent_workers.domain.outside.reach import EVERYWHERE, Reach, Target
from agent_workers.domain.outside.reach import target_of as _target_of

_PUBLIC = Reach(schemes=frozenset({"https"}))
_DEVELOPING = Reach(private=EVERYWHERE)


def reach_of(*, allow_private: bool) -> Reach:
    return _DEVELOPING if allow_private else _PUBLIC


def target_of(url: str, *, allow_private: bool) -> Target:
    """Take a webhook's URL apart, or say why nobody could or should ever call it."""
    return _target_of(url, reach_of(allow_private=allow_private))
