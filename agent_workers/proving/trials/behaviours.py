"""How tools and their servers misbehave over several attempts, which one fault at a time never shows."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

from agent_workers.proving.process.orders import Trip
from agent_workers.proving.trials.trials import Due, Variant, kill

_DEATHS = ("act.sent", "act.replied")


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What happens in one attempt after the other, and what has to come of it."""

    place: str
    script: tuple[str, ...] = ()
    trips: tuple[Trip, ...] = ()
    deployed: bool = False
    due: Due = Due.ONCE

    @property
    def fields(self) -> dict[str, object]:
        """Return what a trial has of it, by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


# By class: what the tool and its server do in one attempt after the other. `refuse` is a 4xx, and
# `conflict` one that says that the key was used otherwise. The effect happens, and then another
# call of the tool fails (`ledger`), the tool makes a mistake (`breaks`) or is canceled (`cancels`).
_ONCE = {
    "keyed": (
        "lose refuse",
        "lose refuse refuse refuse",
        "lose deny lose refuse",
        "lose conflict",
        "slow refuse",
        "lose lose lose lose",
        "ledger",
        "ledger refuse ledger",
        "breaks",
        "cancels",
        "cancels breaks conflict cancels",
    ),
    "keyed_short": ("lose refuse", "lose conflict", "ledger", "cancels"),
    "reconcilable": ("ledger", "deny ledger", "breaks", "cancels"),
    "side_by_side": ("lose refuse", "ledger refuse", "cancels"),
}
# Nobody can know: an unsafe tool has no way to find out, a server refuses each repeat, and a look-up
# shows the effect twice.
_IN_DOUBT = {
    "keyed": ("lose conflict conflict conflict conflict",),
    "reconcilable": ("twin",),
    "unsafe": ("ledger", "deny ledger", "breaks", "cancels"),
}
# A2 is broken: the server forgets a key that should live. A3: a look-up hides what happened.
_TWICE = {"keyed": ("lose forget",), "reconcilable": ("hide",)}
# Who takes over has the code of a deploy: its tool does not take the arguments of the attempt before.
_DEPLOYED = frozenset({"keyed", "reconcilable", "unsafe"})


def undisturbed(variant: Variant) -> Iterator[Behaviour]:
    for due, by_class in ((Due.ONCE, _ONCE), (Due.DOUBT, _IN_DOUBT), (Due.DUPLICATE, _TWICE)):
        for script in by_class.get(variant.name, ()):
            yield Behaviour(place=script, script=tuple(script.split()), due=due)
    if variant.name in _DEPLOYED:
        sent = (kill("act.sent"),)
        yield Behaviour(place="deployed", trips=sent, deployed=True, due=Due.DOUBT)


def with_a_death(variant: Variant) -> Iterator[Behaviour]:
    """Each behaviour with its worker killed in the first attempt."""
    may_doubt = _IN_DOUBT.get(variant.name, ()) if variant.may_doubt else ()
    for script in (*_ONCE.get(variant.name, ()), *may_doubt):
        for place in _DEATHS:
            where = f"{script} after {place}"
            yield Behaviour(place=where, script=tuple(script.split()), trips=(kill(place),))
