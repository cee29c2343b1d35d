"""How places are shared: nobody takes the last ones, and who is alone has most of them."""

from typing import Final

_FOR_EACH_FREE: Final = 3


def may_have_another(held: int, *, free: int) -> bool:
    """Say whether a tenant that holds so many places may take one of those that are free."""
    return held < _FOR_EACH_FREE * free
