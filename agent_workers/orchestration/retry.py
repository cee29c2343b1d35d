"""How long to wait after a failed attempt: pure arithmetic, with the jitter passed in."""

from datetime import timedelta

_FIRST = timedelta(milliseconds=500)
_LONGEST = timedelta(minutes=5)


def delay_after(tries: int, *, jitter: float) -> timedelta:
    """Double with every try up to a bound; `jitter` from 0 to 1 spreads over the upper half."""
    whole = min(_LONGEST, _FIRST * (1 << min(tries - 1, 20)))
    return whole * (0.5 + 0.5 * jitter)
