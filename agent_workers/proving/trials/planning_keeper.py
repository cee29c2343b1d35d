"""Trials of those who clear up behind others: keepers that die, and claims that come late."""

from collections.abc import Iterator, Sequence

from agent_workers.proving.trials.trials import Fault, Trial, Variant, kill, stop

# What a keeper finds once a worker has died, or has frozen, in the middle of a tool.
_AFTER_DEATH = ("keeper.lost", "keeper.lost.freed", "keeper.ring")
_AFTER_FREEZE = ("keeper.expired", "keeper.expired.freed")
# What it finds when nobody rang.
_UNRUNG = ("keeper.hold", "keeper.overdue")
_IN_A_TOOL = {"pure": "tool.run", "keyed": "act.sent"}


def clearing_up(variants: Sequence[Variant], numbers: Iterator[int]) -> Iterator[Trial]:
    """Strike where it does not depend on luck who comes by."""
    for variant in variants:
        where = _IN_A_TOOL.get(variant.name)
        if where is None:
            continue
        for blow, points in ((kill, _AFTER_DEATH), (stop, _AFTER_FREEZE)):
            for point in points:
                yield Trial(
                    number=next(numbers),
                    variant=variant,
                    fault=Fault.SWEEP,
                    place=f"{where}+{point}",
                    trips=(blow(where),),
                    then=(kill(point),),
                )
        for point in _UNRUNG:
            yield Trial(
                number=next(numbers),
                variant=variant,
                fault=Fault.KILL,
                place=point,
                trips=(kill(point),),
                unrung=True,
            )
    yield from _late(variants, numbers)
    yield from _refused(variants, numbers)


def _late(variants: Sequence[Variant], numbers: Iterator[int]) -> Iterator[Trial]:
    """It wakes, is fenced, and dies as it takes what another one left."""
    for variant in (one for one in variants if one.name == "reconcilable"):
        for point in ("claim.next", "claim.next.held"):
            yield Trial(
                number=next(numbers),
                variant=variant,
                fault=Fault.LATE,
                place=f"claim.held+{point}",
                trips=(stop("claim.held"), kill(point)),
                then=(kill("finish.record"),),
            )


def _refused(variants: Sequence[Variant], numbers: Iterator[int]) -> Iterator[Trial]:
    for variant in (one for one in variants if one.name == "keyed"):
        yield Trial(
            number=next(numbers),
            variant=variant,
            fault=Fault.KILL,
            place="retry.committed",
            trips=(kill("retry.committed"),),
            script=("deny",),
        )
