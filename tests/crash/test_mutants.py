"""Every seeded mistake in the protocol is noticed, and without mistakes nothing is."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from agent_workers.proving.grounds import Ground, Servers
from agent_workers.proving.trials.together import Proving, ready
from agent_workers.proving.trials.trials import Trial
from agent_workers.state.proving.invariants import broken
from agent_workers.state.proving.proofs import run_script, source_of
from tests.crash.mutants import MUTANTS, PAUSED, Mutant

pytestmark = pytest.mark.slow

# Some mistakes need luck: a frozen process must wake within half a second of the right moment.
# A busy machine needs more of it; whoever is found at once costs one attempt.
_ATTEMPTS = 40
_AT_ONCE = 6


def test_every_mutant_is_caught_and_the_protocol_itself_is_not(
    servers: Servers, tmp_path: Path
) -> None:
    with (
        ready(servers, folder=tmp_path, prefix="mutants") as proving,
        ThreadPoolExecutor(_AT_ONCE) as pool,
    ):
        found = list(pool.map(lambda pair: _found(proving, *pair), enumerate(MUTANTS)))
    survivors = [mutant.name for mutant, wrongs in zip(MUTANTS, found, strict=True) if not wrongs]
    assert not survivors


def test_the_same_trials_find_nothing_in_the_protocol_itself(
    servers: Servers, tmp_path: Path
) -> None:
    trials = [
        replace(mutant.trial, number=number, prepare="") for number, mutant in enumerate(MUTANTS)
    ]
    with ready(servers, folder=tmp_path, prefix="sane", at_once=_AT_ONCE) as proving:
        judged = proving.run(trials, lambda _: None)
        wrongs = [(one.trial.name, one.wrongs) for one in judged if one.wrongs]
        assert not wrongs
        assert not proving.broken()


def test_a_machine_that_was_paused_with_a_permit_does_not_act_when_it_goes_on(
    servers: Servers, tmp_path: Path
) -> None:
    (frozen,) = [one.trial for one in MUTANTS if one.name.startswith("only its own clock")]
    # Subjects that no other trial here acts upon.
    trials = [replace(frozen, number=number, prepare=PAUSED) for number in range(100, 108)]
    with ready(servers, folder=tmp_path, prefix="paused", at_once=_AT_ONCE) as proving:
        judged = proving.run(trials, lambda _: None)
        wrongs = [(one.trial.name, one.wrongs) for one in judged if one.wrongs]
        assert not wrongs
        assert not proving.broken()


def _found(proving: Proving, place: int, mutant: Mutant) -> tuple[str, ...]:
    ground = proving.grounds.make(place + 1)
    _break(ground, mutant)
    for attempt in range(_ATTEMPTS):
        judged = proving.on(ground, _numbered(mutant.trial, place, attempt))
        wrongs = (*judged.wrongs, *broken(ground.database))
        if wrongs:
            return wrongs
    return ()


def _numbered(trial: Trial, place: int, attempt: int) -> Trial:
    """Workers and subjects of their own; whether the number is even has a meaning."""
    return replace(trial, number=1000 * (place + 1) + 10 * attempt + trial.number)


def _break(ground: Ground, mutant: Mutant) -> None:
    changed = []
    for patch in mutant.patches:
        source = source_of(ground.database_url, patch.function)
        assert patch.old in source, f"{mutant.name}: {patch.function} reads differently now"
        changed.append(source.replace(patch.old, patch.new))
    run_script(ground.database_url, (*mutant.statements, *changed))
