"""What may happen to conversations and to jobs that are asked for together, at random."""

from dataclasses import replace
from random import Random

from agent_workers.domain.memory.session import OnStuckTurn
from tests.integration.state.batching import Batched, items
from tests.integration.state.sticking import agent, version_of
from tests.integration.state.world import World

_NAMED = ["a", "b", "c", "d"]
# A third of all jobs belongs to none.
SESSIONS = [*_NAMED, "", ""]
_PATIENCE_S = 0.05
# Of the agent: each with another policy for a turn that is stuck.
VERSIONS = ["", *(version_of(policy, _PATIENCE_S) for policy in OnStuckTurn)]


def keep_versions(world: World) -> None:
    """Make the versions of this tenant's agent known."""
    for policy in OnStuckTurn:
        agent(world, policy, seconds=_PATIENCE_S)


def talk(world: World, random: Random) -> None:
    """Say something in a conversation, forget one, or look after all."""
    session = (world.tenant, random.choice(_NAMED))
    match random.choice(["say", "say", "clear", "keep", "keep"]):
        case "say":
            sql = "select add_message(%s, %s, '', 60, gen_random_uuid(), 'user', '1', null, '')"
            world.one(sql, *session)
        case "clear":
            world.one("select clear_session(%s, %s)", *session)
        case _:
            world.one("select keep_sessions(100)")


def ask_together(world: World, random: Random) -> None:
    """Ask for some jobs in several sessions at once; look after all batches."""
    cost = random.choice([{}, {"max_cost_micro": 20}])
    batched = Batched(world, concurrency=random.choice([1, 3]))
    given = [items(1, session_id=random.choice(_NAMED), **cost)[0] for _ in range(4)]
    batched.run([replace(one, custom_id=str(n)) for n, one in enumerate(given)])
    batched.batches.keep()
