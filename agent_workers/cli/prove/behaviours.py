"""How tools and their servers misbehave over several attempts, which one fault at a time never shows."""

from collections.abc import Iterator

from agent_workers.cli.prove.trials import Variant, kill
from agent_workers.testing.orders import Trip

_DEATHS = ("act.sent", "act.replied")
# By class: what the tool and its server do in one attempt after the other. `refuse` is a 4xx, and
# `ledger` an error of another call of the tool, after the effect happened.
BEHAVIOURS = {
    "keyed": (
        "lose refuse",
        "lose refuse refuse refuse",
        "lose deny lose refuse",
        "slow refuse",
        "lose lose lose lose",
        "ledger",
        "ledger refuse ledger",
    ),
    "keyed_short": ("lose refuse", "ledger"),
    "reconcilable": ("ledger", "deny ledger"),
    "unsafe": ("ledger", "deny ledger"),
    "side_by_side": ("lose refuse", "ledger refuse"),
}


def undisturbed(variant: Variant) -> tuple[str, ...]:
    return BEHAVIOURS.get(variant.name, ())


def with_a_death(variant: Variant) -> Iterator[tuple[str, str, tuple[Trip, ...]]]:
    """Each behaviour with its worker killed in the first attempt: its name, itself and the blow."""
    for script in undisturbed(variant):
        for place in _DEATHS:
            yield f"{script} after {place}", script, (kill(place),)
