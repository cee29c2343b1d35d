"""What a trial's tools act upon, and who counts there: our counter, nobody, or a tool's author."""

from dataclasses import dataclass, replace
from typing import Protocol

from agent_workers.proving.trials.trials import Trial
from agent_workers.testing import counting
from agent_workers.testing.counting import Count
from agent_workers.testing.tries import Arguments, Happened
from agent_workers.testing.trying import Tried

_UNSEEN = Count(applied=0, keys=0, requests=0, reads=1, key_conflicts=0)


class Outside(Protocol):
    @property
    def counts_effects(self) -> bool:
        """False: somebody else counts, when all is over."""
        ...

    def prepare(self, trial: Trial) -> object:
        """Make everything ready, and return the input of the trial's job."""
        ...

    def mark(self, trial: Trial) -> str:
        """Return what no other trial has."""
        ...

    def counts(self, trial: Trial, tried: Tried) -> tuple[Count, ...]:
        """Say what happened, for each tool of the trial."""
        ...


@dataclass(frozen=True, slots=True)
class Counter:
    """The counter of our own, that the counted agents talk to."""

    url: str

    @property
    def counts_effects(self) -> bool:
        return True

    def prepare(self, trial: Trial) -> object:
        variant = trial.variant
        for subject in trial.subjects:
            counting.prepare(
                self.url,
                subject,
                script=trial.script,
                key_ttl_s=variant.key_ttl_s,
                shows_after_s=variant.shows_after_s,
            )
        return {"counter": self.url, "subject": trial.subject, "tools": list(variant.tools)}

    def mark(self, trial: Trial) -> str:
        return trial.subject

    def counts(self, trial: Trial, tried: Tried) -> tuple[Count, ...]:  # noqa: ARG002 (it goes by subjects)
        return tuple(counting.count(self.url, one) for one in trial.subjects)


@dataclass(frozen=True, slots=True)
class Uncounted:
    """A user's own agent: its effects are counted afterwards, if at all."""

    input: object

    @property
    def counts_effects(self) -> bool:
        return False

    def prepare(self, trial: Trial) -> object:  # noqa: ARG002 (each job has the same input)
        return self.input

    def mark(self, trial: Trial) -> str:
        return trial.subject

    def counts(self, trial: Trial, tried: Tried) -> tuple[Count, ...]:  # noqa: ARG002 (see above)
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ByAuthor:
    """One tool, with arguments made for each trial, and its author's own way to count."""

    tool: str
    arguments: Arguments
    happened: Happened | None
    # Of this proof: a counterpart that outlives it must not take one trial for another.
    proof: str

    @property
    def counts_effects(self) -> bool:
        return True

    def prepare(self, trial: Trial) -> object:
        given = self.arguments
        arguments = given(self.mark(trial)) if callable(given) else given
        return {"tool": self.tool, "arguments": dict(arguments)}

    def counts(self, trial: Trial, tried: Tried) -> tuple[Count, ...]:  # noqa: ARG002 (it goes by marks)
        if self.happened is None:
            return (_UNSEEN,)
        return (replace(_UNSEEN, applied=self.happened(tried)),)

    def mark(self, trial: Trial) -> str:
        return f"{self.proof}-{trial.subject}"
