"""Identifiers: their order, their wire form, and the keys of effects."""

from uuid import UUID, uuid4

import pytest

from agent_workers.domain.ids import (
    BATCH_ID,
    MEMORY_ID,
    PublicId,
    effect_key,
    from_wire,
    time_ordered,
    to_wire,
)


def test_an_id_made_later_sorts_later() -> None:
    ids = [time_ordered(1_700_000_000_000 + i, b"\xff" * 10) for i in range(50)]
    assert ids == sorted(ids)
    assert {(one.version, one.variant) for one in ids} == {(7, "specified in RFC 4122")}
    assert ids[3].int >> 80 == 1_700_000_000_003


def test_an_id_comes_back_from_its_wire_form() -> None:
    job = uuid4()
    for text in (to_wire(job), str(job), job.hex, f"resp_{job.hex}"):
        assert from_wire(text) == job


@pytest.mark.parametrize(
    "text", ["", "job_", "job_1", "x" * 32, f"job_{UUID(int=7).hex}0", "job_\0"]
)
def test_what_is_no_id_is_none(text: str) -> None:
    assert from_wire(text) is None


def test_the_key_of_an_effect_comes_from_its_place_and_nothing_else() -> None:
    root = UUID(int=7)
    keys = {effect_key(root, p, o) for p in range(20) for o in range(3)}
    assert len(keys) == 60
    assert effect_key(root, 1) == effect_key(UUID(int=7), 1, 0)
    assert effect_key(root, 1) != effect_key(UUID(int=8), 1)
    assert (
        str(effect_key(root, 1)) == "4b5d67ee-370e-55bc-913f-fa07fd3005b3"
    )  # a key that changes repeats effects


@pytest.mark.parametrize("kind", [BATCH_ID, MEMORY_ID])
def test_a_public_id_comes_back_and_no_other_is_taken_for_it(kind: PublicId):
    made = uuid4()
    assert kind.read(kind.written(made)) == made
    for wrong in ("", "x", f"{kind.prefix}_", kind.written(made)[:-1], f"other_{made.hex}"):
        assert kind.read(wrong) is None


def test_only_some_public_ids_may_be_bare():
    made = uuid4()
    assert BATCH_ID.read(str(made)) == BATCH_ID.read(made.hex) == made
    assert MEMORY_ID.read(str(made)) is MEMORY_ID.read(made.hex) is None
