"""Random worlds: the same for the same seed, and smaller ones come to an end."""

from agent_workers.proving.worlds.worlds import CallOf, Misfortune, World, smaller, world_of

_NUMBERS = range(1, 300)


def test_a_seed_and_a_number_make_the_same_world_again() -> None:
    assert [world_of(7, n) for n in _NUMBERS] == [world_of(7, n) for n in _NUMBERS]
    assert world_of(7, 1) != world_of(8, 1)


def test_worlds_differ_and_hold_every_sort_of_thing() -> None:
    worlds = [world_of(7, n) for n in _NUMBERS]
    tools = {call.tool for world in worlds for call in world.calls}
    blows = {one.blow for world in worlds for one in world.misfortunes}
    verdicts = {word for world in worlds for word in world.verdicts}
    assert (len(tools), len(blows), len(verdicts)) == (6, 8, 4)
    assert len(set(worlds)) > len(worlds) * 9 // 10


def test_a_smaller_world_has_one_thing_less_until_nothing_is_left() -> None:
    world, steps = world_of(7, 3), 0
    while least := next(smaller(world), None):
        assert least != world
        world, steps = least, steps + 1
        assert steps < 50
    assert (len(world.calls), world.faults, world.verdicts) == (1, 0, ())


def test_a_world_is_told_in_words() -> None:
    world = World(
        calls=(
            CallOf(tool="unsafe", moods=("refused after",), server=("lose", "deny")),
            CallOf(tool="pure", waits=True),
        ),
        verdicts=("retry",),
        misfortunes=(Misfortune(blow="kill", point="act.sent"),),
    )
    assert world.told().splitlines() == [
        "c0: unsafe, server: lose then deny, behaviour: refused after",
        "c1: pure, after c0",
        "verdicts: retry, then the answer",
        "worker 1: kill at act.sent",
    ]
