"""Patience with Postgres: what was done, and what was nudged, is kept until it is back."""

from collections.abc import Callable
from typing import TypeVar

from tenacity import (
    Retrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from agent_workers.domain.errors import StateUnavailable

T = TypeVar("T")

# Work can be done again; of an unsafe effect, the reply is all there will ever be.
PROOF_IS_WORTH = 15


def patiently(
    ask: Callable[[], T], *, seconds: float, enough: Callable[[], bool] = lambda: False
) -> T:
    """Ask again and again while Postgres is away; after its restart every connection fails once.

    If it was recorded and only the reply was lost, the second try meets its own fence.
    """
    again = Retrying(
        retry=retry_if_exception_type(StateUnavailable),
        wait=wait_random_exponential(multiplier=0.05, max=1),
        stop=lambda tried: stop_after_delay(seconds)(tried) or enough(),
        reraise=True,
    )
    return again(ask)
