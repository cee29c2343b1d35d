"""Where a folder that must not be seen lies within one that is shown, whichever links lead there."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path


def masks(shown: Path, hides: Sequence[Path]) -> Iterator[Path]:
    """Name the places to be covered once `shown` is there under its own name.

    Links are followed on this side: within `shown` they lead to what is covered, or nowhere.
    """
    real = shown.resolve()
    for hidden in there(hides):
        if real.is_relative_to(hidden):
            yield shown
        elif hidden.is_relative_to(real):
            yield shown / hidden.relative_to(real)


def there(hides: Sequence[Path]) -> tuple[Path, ...]:
    """Name the real places of what is there; what we may not look at, no child of ours may.

    A place within another one is not named: nothing can be mounted in what is covered.
    """
    real = {one.resolve() for one in hides if os.path.exists(one)}  # noqa: PTH110  # it asks for no more rights than we have
    return tuple(sorted(one for one in real if not real.intersection(one.parents)))
