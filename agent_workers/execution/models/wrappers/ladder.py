"""A ladder of models: the first that answers, from the rung that the job is at."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from agent_workers.domain.agents.agent import Purpose
from agent_workers.domain.budget import NO_USAGE
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.ports import Model
from agent_workers.execution.models.values import ModelReply, ModelRequest

Choose = Callable[[Purpose], Sequence[str]]
# Makes a request what it is for the model that it names; it may refuse it with `ModelFailed`.
Prepare = Callable[[ModelRequest], ModelRequest]
# A provider that says "in a second" is asked once more at once; what takes longer gets a due time.
PATIENCE: Final = timedelta(seconds=2)
# A model that hangs must leave time for the next one of its ladder.
_SHARE: Final = 0.6
_LEAST_S: Final = 0.05


class Ladder:
    """Goes to the next model where another may answer; one per attempt of a step.

    Models above the job's rung come next, and as a last resort those below it.
    """

    def __init__(
        self,
        model: Model,
        *,
        choose: Choose,
        prepare: Prepare = lambda request: request,
        rung: int = 0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._model = model
        self._choose = choose
        self._prepare = prepare
        self._rung = rung
        self._sleep = sleep

    def complete(self, request: ModelRequest, *, deadline_s: float) -> ModelReply:
        """Ask one model after the other until one answers."""
        names = targets(self._choose(purpose_of(request)), self._rung)
        if not names:
            raise ModelFailed(ErrorClass.NOT_FOUND, f"no model is declared for {request.purpose}")
        descent = _Descent(
            self._model,
            prepare=self._prepare,
            ends_at=time.monotonic() + deadline_s,
            sleep=self._sleep,
        )
        for number, name in enumerate(names):
            reply = descent.ask(replace(request, model=name), is_last=number + 1 == len(names))
            if reply is not None:
                return _told(reply, (names[0], name), descent.failures)
            if descent.is_over:
                break
        raise _most_hopeful(descent.failures)


class _Descent:
    """One way down a ladder: what has failed on it, and the time that is left."""

    def __init__(
        self, model: Model, *, prepare: Prepare, ends_at: float, sleep: Callable[[float], None]
    ) -> None:
        self.failures: list[ModelFailed] = []
        self._model = model
        self._prepare = prepare
        self._ends_at = ends_at
        self._sleep = sleep
        self._has_waited = False

    @property
    def is_over(self) -> bool:
        return not self.failures[-1].next_target or self._left_s() < _LEAST_S

    def ask(self, request: ModelRequest, *, is_last: bool) -> ModelReply | None:
        """Ask one model, once more if it says that it will answer in a moment."""
        again = Retrying(
            retry=retry_if_exception(self._comes_soon),
            wait=_as_it_says,
            stop=stop_after_attempt(2),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return again(self._once, request, 1.0 if is_last else _SHARE)
        except ModelFailed:
            return None

    def _once(self, request: ModelRequest, share: float) -> ModelReply:
        try:
            asked = self._prepare(request)
            return _whole(self._model.complete(asked, deadline_s=self._left_s() * share), asked)
        except ModelFailed as failed:
            self.failures.append(failed)
            raise

    def _comes_soon(self, error: BaseException) -> bool:
        if not isinstance(error, ModelFailed) or error.retry_after is None or self._has_waited:
            return False
        fits = error.retry_after.total_seconds() + _LEAST_S < self._left_s()
        self._has_waited = error.retryable and error.retry_after <= PATIENCE and fits
        return self._has_waited

    def _left_s(self) -> float:
        return self._ends_at - time.monotonic()


def targets(ladder: Sequence[str], rung: int) -> tuple[str, ...]:
    """Order a ladder from a rung upwards, then from there down."""
    start = max(0, min(rung, len(ladder) - 1))
    return (*ladder[start:], *reversed(ladder[:start]))


def purpose_of(request: ModelRequest) -> Purpose:
    """What a request is for; an unknown word counts as planning."""
    return Purpose(request.purpose) if request.purpose in set(Purpose) else Purpose.PLAN


def _as_it_says(tried: RetryCallState) -> float:
    error = tried.outcome.exception() if tried.outcome else None
    wait = error.retry_after if isinstance(error, ModelFailed) else None
    return wait.total_seconds() if wait else 0.0


def _whole(reply: ModelReply, request: ModelRequest) -> ModelReply:
    """Refuse an answer that was cut: a model that says less to say it may not be."""
    if reply.finish_reason != "length":
        return reply
    message = f"the answer did not fit in {request.max_output_tokens} tokens (max_output_tokens)"
    raise ModelFailed(ErrorClass.TRUNCATED, message, spent=reply.usage, cost_known=True)


def _told(
    reply: ModelReply, wanted_and_got: tuple[str, str], failures: Sequence[ModelFailed]
) -> ModelReply:
    """Say with the reply which model it is not from, and what the others cost."""
    wanted, got = wanted_and_got
    usage = sum((failed.spent for failed in failures), reply.usage)
    if got == wanted:
        return replace(reply, usage=usage)
    why = failures[0].error_class
    return replace(reply, usage=usage, degraded=f"model {got} instead of {wanted} ({why})")


def _most_hopeful(failures: Sequence[ModelFailed]) -> ModelFailed:
    """Choose what the step is told: a wait that burns no attempt, else what may pass, else the last.

    A refusal ends it: the step would wait for the others only to be refused, and pay, once more.
    """
    refused = [failed for failed in failures[-1:] if _is_final(failed)]
    parked = [failed for failed in failures if failed.parks_on]
    passing = [failed for failed in failures if failed.retryable]
    chosen = min(refused or parked or passing or failures[-1:], key=_wait)
    chosen.spent = sum((failed.spent for failed in failures), NO_USAGE)
    chosen.may_have_cost = any(failed.may_have_cost for failed in failures)
    return chosen


def _is_final(failed: ModelFailed) -> bool:
    # What is too dear for one model may be cheap enough for another.
    return not failed.next_target and failed.error_class is not ErrorClass.BUDGET


def _wait(failed: ModelFailed) -> timedelta:
    return failed.retry_after or timedelta()
