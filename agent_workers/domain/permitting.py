"""The one pure rule that grants, refuses or doubts a permit."""

from datetime import datetime
from typing import Final

from agent_workers.domain.cause import how_it_ended
from agent_workers.domain.effect import (
    Abandon,
    Adopt,
    Doubt,
    EffectClass,
    EffectRules,
    EffectState,
    Grant,
    KnownEffect,
    LastPermit,
    LookedUp,
    LookUp,
    OnDoubt,
    PermitAnswer,
    PermitMode,
    Says,
    Source,
    Tries,
    WaitUntil,
)

_UNTRIED = Tries()
# With waits that grow to a minute this is most of a day: an outage is no reason to ask a person.
MOST_FAILED_LOOKS: Final = 1_000


def decide_permit(
    rules: EffectRules,
    known: KnownEffect,
    now: datetime,
    looked: LookedUp | None,
    tries: Tries = _UNTRIED,
) -> PermitAnswer:
    """Say what may be done now: pure, total, the same in the model that spin checks."""
    if (known_already := what_is_known(known)) is not None:
        return known_already
    if known.last is None:
        return Grant(mode=PermitMode.FIRST)
    # A quiet time stands as long as any permit is open: a repeat that was refused proves nothing
    # of the permit before it.
    if known.last.says in {Says.NOT_EXECUTED, Says.ABSENT} and known.quiet_after is None:
        return Grant(mode=_mode_after(known.last))
    if rules.cls is EffectClass.KEYED and _key_lives(rules, known, now):
        return _with_key(rules, known, looked, tries)
    return _after_silence(rules, known, now, looked, tries)


def what_is_known(known: KnownEffect) -> Adopt | Abandon | None:
    """Say what needs no tool: the effect happened, or was given up."""
    if known.state is EffectState.DONE:
        return Adopt(result=known.result or b"null")
    if known.state is EffectState.ABANDONED:
        return Abandon(reason="a person abandoned it (`agent-workers doubts resolve --abandon`)")
    return None


def _mode_after(last: LastPermit) -> PermitMode:
    if last.says is Says.NOT_EXECUTED:
        return PermitMode.AFTER_REFUSAL
    return PermitMode.AFTER_VERDICT if last.source is Source.VERDICT else PermitMode.AFTER_ABSENT


def _with_key(
    rules: EffectRules, known: KnownEffect, looked: LookedUp | None, tries: Tries
) -> PermitAnswer:
    """Go on with a living key: no number of attempts ends that, but a look may come first.

    A refused repeat says nothing of the attempt before it, so it ends nothing either.
    """
    is_refused = known.last is not None and known.last.says is Says.NOT_EXECUTED
    if not rules.has_lookup and is_refused and known.refusals >= tries.most:
        return _doubted(
            rules,
            _nobody_knows(f"An attempt gave no answer, and {known.refusals} repeats were refused"),
        )
    if not rules.has_lookup or not (is_refused or tries.made >= tries.most):
        return Grant(mode=PermitMode.SAME_KEY)
    if looked is None:
        return LookUp()
    if looked.found and not looked.contradictory:
        return Adopt(result=looked.result or b"null", source=Source.LOOKUP)
    if is_refused and not looked.failed and _began_quiet(known, looked):
        return _by_lookup(rules, known, looked, tries)
    return Grant(mode=PermitMode.SAME_KEY)


def _after_silence(
    rules: EffectRules, known: KnownEffect, now: datetime, looked: LookedUp | None, tries: Tries
) -> PermitAnswer:
    """An earlier permit has no outcome: its holder crashed, is cut off, or is slow."""
    if known.quiet_after is not None and now < known.quiet_after:
        return WaitUntil(at=known.quiet_after)
    if rules.has_lookup and rules.cls in {EffectClass.KEYED, EffectClass.RECONCILABLE}:
        return _by_lookup(rules, known, looked, tries)
    return _doubted(rules, silence_of(known.last))


def _key_lives(rules: EffectRules, known: KnownEffect, now: datetime) -> bool:
    if rules.key_ttl is None or known.first_granted_at is None:
        return False
    return now < known.first_granted_at + rules.key_ttl - rules.key_margin


def _by_lookup(
    rules: EffectRules, known: KnownEffect, looked: LookedUp | None, tries: Tries
) -> PermitAnswer:
    if looked is not None and looked.failed:
        return _in_vain(rules, known, looked, tries)
    if looked is None or not _began_quiet(known, looked):
        return LookUp()
    if looked.contradictory:
        return _doubted(rules, f"The look-up gives no clear answer: {looked.contradictory}")
    if looked.found:
        return Adopt(result=looked.result or b"null", source=Source.LOOKUP)
    return Grant(mode=PermitMode.AFTER_ABSENT)


def _in_vain(
    rules: EffectRules, known: KnownEffect, looked: LookedUp, tries: Tries
) -> PermitAnswer:
    """Look again later, unless that has failed often enough to tell somebody."""
    failed, for_good = known.failed_looks + 1, known.failed_looks_for_good + looked.for_good
    if for_good < tries.most and failed < MOST_FAILED_LOOKS:
        return LookUp()
    return _doubted(
        rules, f"The look-up failed {times(failed)}; the last error was: {looked.problem}"
    )


def _began_quiet(known: KnownEffect, looked: LookedUp) -> bool:
    return known.quiet_after is None or looked.began_at >= known.quiet_after


def _doubted(rules: EffectRules, reason: str) -> PermitAnswer:
    match rules.on_doubt:
        case OnDoubt.ASK:
            return Doubt(reason=reason)
        case OnDoubt.FAIL:
            return Abandon(reason=reason)
        case OnDoubt.ASSUME_DONE:
            return Adopt(result=b"null", source=Source.ASSUMED)
        case OnDoubt.REPEAT:
            return Grant(mode=PermitMode.REPEAT)


def silence_of(last: LastPermit | None) -> str:
    """Say of an attempt that it gave no clear answer, and with what it ended instead."""
    attempt = f"Attempt {last.attempt}" if last else "An attempt"
    ended = how_it_ended(last.reason) if last and last.reason else "gave no answer"
    return _nobody_knows(f"{attempt} {ended}")


def _nobody_knows(what: str) -> str:
    return f"{what}; nobody knows whether it took effect"


def times(number: int) -> str:
    """Write how often something happened: `once`, `3 times`."""
    return "once" if number == 1 else f"{number} times"
