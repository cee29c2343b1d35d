"""Seeded mistakes in the protocol, each with the trials that must notice it."""

from dataclasses import dataclass, replace

from agent_workers.proving.process.orders import Trip
from agent_workers.proving.trials.trials import BY_NAME, Fault, Trial, kill, stop

_BREAKING = "tests.crash.breaking:"
_NO_ONE_LIVE = "drop index permits_one_live_idx"
_NO_QUIET_CHECK = "alter table permits drop constraint permits_absent_needs_quiet_check"


PAUSED = "tests.crash.breaking:paused_machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A change to the text of one SQL function of the product."""

    function: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One mistake. Where the database would refuse it by itself, that lock is taken away too."""

    name: str
    trial: Trial
    patches: tuple[Patch, ...] = ()
    statements: tuple[str, ...] = ()


def _trial(
    variant: str, fault: Fault, place: str = "", *, broken: str = "", trips: tuple[Trip, ...] = ()
) -> Trial:
    return Trial(
        number=2,
        variant=BY_NAME[variant],
        fault=fault,
        place=place,
        trips=trips or ((kill(place),) if fault is Fault.KILL else (stop(place),)),
        prepare=_BREAKING + broken if broken else "",
    )


def _killed(variant: str, place: str, broken: str, *, alone_s: float = 0.0) -> Trial:
    return replace(_trial(variant, Fault.KILL, place, broken=broken), alone_s=alone_s)


def _behaving(variant: str, script: str, broken: str) -> Trial:
    trial = _trial(variant, Fault.BEHAVES, script, broken=broken)
    return replace(trial, trips=(), script=tuple(script.split()))


_DUEL = replace(
    _trial(
        "transactional",
        Fault.DUEL,
        "write.wished",
        trips=(stop("write.wished"), stop("evaluate.begin")),
    ),
    then=(stop("write.wished"),),
)

MUTANTS = (
    Mutant(
        name="record does not ask for the fence",
        trial=_DUEL,
        patches=(
            Patch(
                function="record_step",
                old="and fence = p.fence and coalesce(status, '') = 'claimed'",
                new="",
            ),
        ),
        statements=("drop trigger steps_guard on steps",),
    ),
    Mutant(
        name="a claim does not raise the fence",
        trial=_killed("keyed", "act.sent", ""),
        patches=(
            Patch(function="take_step", old="fence = fence + 1", new="fence = greatest(fence, 1)"),
        ),
        statements=("drop trigger steps_guard on steps",),
    ),
    Mutant(
        name="the key is made anew for every attempt",
        trial=_killed("keyed", "act.sent", "key_per_attempt"),
        statements=("alter table effects drop constraint effects_place_key",),
    ),
    Mutant(
        name="the tool acts without a permit",
        trial=_killed("reconcilable", "act.sent", "no_permit"),
    ),
    Mutant(
        name="a look-up is believed before the quiet time",
        trial=_trial("reconcilable", Fault.DOZE, "act.before_send", broken="look_up_before_quiet"),
        statements=(_NO_QUIET_CHECK,),
    ),
    Mutant(
        name="a permit is called quiet while its holder may act",
        trial=_trial(
            "reconcilable", Fault.DOZE, "act.before_send", broken="quiet_time_without_the_timer"
        ),
    ),
    Mutant(
        name="a verdict is taken before the quiet time",
        trial=_trial("unsafe", Fault.FREEZE, "act.before_send", broken="verdict_before_quiet"),
        patches=(
            Patch(
                function="give_verdict",
                old="p_verdict <> 'happened' and clock_timestamp() < v_quiet",
                new="false",
            ),
        ),
        statements=(_NO_QUIET_CHECK,),
    ),
    Mutant(
        name="the join does not count its siblings",
        trial=_trial("side_by_side", Fault.NONE, "", trips=(stop("none"),)),
        patches=(Patch(function="record_step", old="and j.open_steps > 1", new="and false"),),
    ),
    Mutant(
        name="evidence is rolled back with the fence",
        trial=replace(
            _trial("unsafe", Fault.FREEZE, "evidence.begin", broken="evidence_behind_the_fence"),
            number=3,
        ),
    ),
    Mutant(
        name="an unsafe effect is tried again",
        trial=_killed("unsafe", "act.sent", "unsafe_retried"),
    ),
    Mutant(
        name="a second permit is granted without a look-up",
        trial=_killed("reconcilable", "act.sent", "second_permit"),
        statements=(_NO_ONE_LIVE,),
    ),
    Mutant(
        name="the kernel's timer is off",
        trial=_trial("reconcilable", Fault.FREEZE, "act.before_send", broken="no_kernel_timer"),
    ),
    Mutant(
        name="only its own clock tells a machine that its permit is young",
        trial=_trial(
            "reconcilable",
            Fault.FREEZE,
            "permit.committed",
            broken="paused_machine_trusts_itself",
        ),
    ),
    Mutant(
        name="a second attempt plans its request again",
        trial=_killed("keyed", "act.sent", "planned_again"),
    ),
    Mutant(
        name="a key is used after its death",
        trial=_killed("keyed_short", "act.sent", "same_key_after_its_death", alone_s=2.8),
        statements=("alter table permits drop constraint permits_key_life_check",),
    ),
    Mutant(
        name="a cancel is not asked about in the permit",
        trial=_trial("unsafe", Fault.CANCEL, "permit.begin"),
        patches=(Patch(function="ask_permit", old="j.status = 'canceling'", new="false"),),
    ),
    Mutant(
        name="a transactional tool writes in a transaction of its own",
        trial=_killed("transactional", "write.commit", "statements_apart"),
    ),
    Mutant(
        name="evidence is written before the act",
        trial=_killed("unsafe", "act.before_send", "evidence_in_advance"),
    ),
    Mutant(
        name="a refused connection is taken for proof that nothing happened",
        trial=_behaving("unsafe", "ledger ledger", "refused_connection_is_evidence"),
    ),
    Mutant(
        name="what leaves a tool and is no Exception ends its worker",
        trial=_behaving("unsafe", "cancels", "escapes_end_workers"),
    ),
    Mutant(
        name="a refused repeat closes an attempt without an answer",
        trial=_behaving("keyed", "lose refuse", "refusal_closes_all"),
    ),
    Mutant(
        name="a living key is given up after so many attempts",
        trial=_behaving("keyed", "lose lose lose lose", "tries_end_a_living_key"),
    ),
)
