"""From where a look for due rows may begin, so that it need not pass what is over every time."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

# A time that is earlier than any that we write.
FROM_THE_BEGINNING = datetime(1, 1, 2, tzinfo=UTC)
# A row may be written as due this much before the moment of writing, and never by more.
_SLACK = timedelta(seconds=2)
# A transaction is missed twice before it is forgotten: it may have ended just after the snapshot of
# the look that missed it first.
_ENDED = 2


@dataclass(frozen=True, slots=True)
class Writer:
    """A transaction that was open at a look: since when at most, and how often it was missed."""

    since: datetime
    missed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one look leaves to the next.

    A row that comes up between two looks was written after the first one, or by a transaction that
    was open then. So the next look begins at the first row that this one saw, at the time of this
    one, or where a transaction began that has ended meanwhile, whichever is the earliest.
    """

    since: tuple[datetime, ...]
    writers: Mapping[str, Writer] = field(default_factory=dict)
    at: datetime = FROM_THE_BEGINNING

    @classmethod
    def none(cls, kinds: int) -> "Bounds":
        return cls(since=(FROM_THE_BEGINNING,) * kinds)

    def after(
        self, at: datetime, writing: Collection[str], firsts: Sequence[datetime | None]
    ) -> "Bounds":
        """Return where the next look begins, after one at this time that saw these rows first."""
        if at < self.at:  # the clock was set back: what we know of times means nothing any more
            return Bounds.none(len(self.since))
        new = Writer(_earlier(self.at))
        writers = {name: Writer(self.writers.get(name, new).since) for name in writing}
        for name, writer in self.writers.items():
            if name not in writers and writer.missed + 1 < _ENDED:
                writers[name] = Writer(writer.since, writer.missed + 1)
        return Bounds(
            since=tuple(min(_earlier(at), first or at) for first in firsts),
            writers=writers,
            at=at,
        )


def _earlier(at: datetime) -> datetime:
    return at - _SLACK if at > FROM_THE_BEGINNING + _SLACK else FROM_THE_BEGINNING
