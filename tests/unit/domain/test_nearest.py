"""A name that is not known is answered with the one that was meant, if any is near."""

from agent_workers.domain.text.nearest import did_you_mean


def test_the_nearest_name_is_asked_for() -> None:
    assert did_you_mean("adress", ["model", "address"]) == "did you mean 'address'?"


def test_of_names_that_are_all_far_nothing_is_said() -> None:
    assert did_you_mean("adress", ["model", "key"]) == ""


def test_how_near_it_must_be_can_be_said() -> None:
    assert did_you_mean("wiat", ["weight"], near=0.5) == "did you mean 'weight'?"
    assert did_you_mean("wiat", ["weight"], near=0.9) == ""
