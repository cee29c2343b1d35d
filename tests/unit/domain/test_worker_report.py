"""Reports of workers are read across releases."""

from agent_workers.domain.worker_report import Abilities


def test_what_a_newer_worker_says_beside_what_is_known_here_is_passed_over() -> None:
    said = {"sandbox": "monty", "mail": True, "gpu": {"memory_gib": 80}}
    assert Abilities.read(said) == Abilities(sandbox="monty", mail=True)


def test_what_an_older_worker_does_not_say_is_as_if_it_had_none_of_it() -> None:
    assert Abilities.read({}) == Abilities()
