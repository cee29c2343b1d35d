"""What came of acting, or of not being allowed to."""

from dataclasses import dataclass
from datetime import timedelta

from agent_workers.domain.decision import TryAgain
from agent_workers.domain.effect import Proof, Says
from agent_workers.domain.ids import EffectKey
from agent_workers.domain.reply import Happened, NotDone, Reply, Unclear
from agent_workers.domain.step import Broke, ToolFailed, ToolRan
from agent_workers.orchestration.effects.act_rules import unfinished
from agent_workers.orchestration.failing import is_wait, unanswered


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """What acting gave: an outcome or a failed attempt, with the proof to keep beside it."""

    outcome: ToolRan | ToolFailed | Broke
    proof: Proof | None = None
    # Not a failed attempt but a wait that the protocol asks for.
    patience: timedelta | None = None
    # No attempt of this effect can have happened: something else may be done instead.
    certainly_not: bool = False
    # Its job is being stopped and waits for this alone, so each attempt counts.
    settles: bool = False

    def again(self, broke: Broke, tries: int, *, jitter: float) -> TryAgain | None:
        """The protocol's own way to go on; None when the step's retry policy decides."""
        if self.patience is not None:
            return TryAgain(
                delay=self.patience,
                code=broke.code,
                message=broke.message,
                counts=self.settles,
                trouble=broke.trouble,
                waits=is_wait(broke),
            )
        if self.proof is not None and not self.certainly_not:
            # What follows silence is for the next permit to say, however often it was tried.
            return unanswered(tries, broke, jitter=jitter)
        return None


@dataclass(frozen=True, slots=True)
class Barred:
    """A permit could have been granted, but a breaker stands in the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """The step has no result: in doubt, stopped, somebody else's, or kept from acting."""

    why: str
    certainly_not: bool = False


def acted_of(reply: Reply, key: EffectKey, attempt: int, *, alone: bool) -> Acted:
    """Say what a reply means; `alone`: no earlier attempt of the effect is without an answer."""
    match reply:
        case Happened():
            proof = Proof(key=key, attempt=attempt, says=Says.HAPPENED, result=reply.result)
            return Acted(outcome=ToolRan(result=reply.result), proof=proof)
        case NotDone():
            proof = Proof(
                key=key,
                attempt=attempt,
                says=Says.NOT_EXECUTED,
                reason=reply.broke.message,
                is_final=isinstance(reply.broke, ToolFailed),
            )
            # It says nothing of an earlier attempt that had no answer, so it cannot end the step.
            outcome = reply.broke if alone else unfinished(reply.broke)
            return Acted(outcome=outcome, proof=proof, certainly_not=alone)
        case Unclear():
            message = reply.broke.message
            proof = Proof(key=key, attempt=attempt, says=Says.UNKNOWN, result=None, reason=message)
            return Acted(outcome=reply.broke, proof=proof)
