"""Short ways to permits and evidence for tests."""

from datetime import timedelta
from typing import Any

from agent_workers.domain.claim import Claimed
from agent_workers.domain.effect import (
    Asked,
    EffectClass,
    EffectRules,
    KnownEffect,
    PermitMode,
    Proof,
    Says,
    Source,
)
from agent_workers.domain.ids import EffectKey, effect_key
from tests.integration.state.world import World

# Longer than any test, shorter than what `quiet` lets pass.
A_WHILE = timedelta(minutes=1)
_REASON = "what others say \0\ud800"


def rules(cls: EffectClass, *, key_ttl: timedelta = timedelta(hours=1)) -> EffectRules:
    """Rules whose quiet time is a few minutes: what `quiet` makes pass at once."""
    keyed = cls is EffectClass.KEYED
    return EffectRules(cls=cls, timeout=A_WHILE, settle=A_WHILE, key_ttl=key_ttl if keyed else None)


def key_of(claimed: Claimed) -> EffectKey:
    return effect_key(claimed.root_id, claimed.position)


def ask(world: World, claimed: Claimed) -> Asked:
    with world.permits.transaction() as connection:
        return world.permits.ask(connection, claimed, key_of(claimed), claimed.arguments)


def grant(
    world: World,
    claimed: Claimed,
    *,
    mode: PermitMode = PermitMode.FIRST,
    attempt: int = 1,
    by: EffectRules | None = None,
) -> None:
    with world.permits.transaction() as connection:
        world.permits.grant(
            connection, claimed, key_of(claimed), mode, attempt, by or rules(claimed.effect)
        )


def allow(world: World, claimed: Claimed) -> EffectKey:
    """Write the intent and grant the first permit."""
    assert ask(world, claimed).result == "ok"
    grant(world, claimed)
    return key_of(claimed)


def say(
    world: World,
    claimed: Claimed,
    says: Says,
    *,
    source: Source = Source.REPLY,
    attempt: int = 1,
    result: bytes | None = None,
) -> bool:
    """Keep a piece of evidence; true when it contradicts."""
    with world.permits.transaction() as connection:
        proof = Proof(
            key=key_of(claimed),
            attempt=attempt,
            says=says,
            source=source,
            result=result,
            reason=_REASON,
        )
        return world.permits.evidence(connection, claimed, proof)


def doubt(world: World, claimed: Claimed, reason: str = "silence") -> str:
    with world.permits.transaction() as connection:
        return world.permits.doubt(connection, claimed, key_of(claimed), reason)


def quiet(world: World, claimed: Claimed) -> None:
    """Let the quiet time of all permits of an effect have passed."""
    with world.database.connection() as connection:
        connection.execute("set session_replication_role = replica")  # past the guards
        connection.execute(
            "update permits set granted_at = granted_at - interval '1 hour',"
            " quiet_after = quiet_after - interval '1 hour' where effect_key = %s",
            (key_of(claimed),),
        )
        connection.execute("reset session_replication_role")


def known(world: World, claimed: Claimed) -> KnownEffect:
    return ask(world, claimed).known


# Any: a column of whatever type the query names.
def effect(world: World, claimed: Claimed, columns: str = "state") -> Any:
    sql = f"select {columns} from effects where tenant_id = %s and effect_key = %s"
    return world.one(sql, world.tenant, key_of(claimed))
