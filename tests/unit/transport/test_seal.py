"""Only what one of us wrote for a place is believed when it is found there."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_workers.transport.shared.seal import Seal
from tests.test_conventions import check

REDIS_READS = set("get getex getdel mget hget hgetall lrange lindex smembers".split())
PEPPER = "only for tests, never else"
PLACE = "aw:answer:1"
OURS = Seal(PEPPER, purpose="answer")


def test_what_we_signed_is_opened_as_it_was() -> None:
    for value in (b"", b"x", b"\xff" * 1_000):
        assert OURS.opened(PLACE, OURS.signed(PLACE, value)) == value


@pytest.mark.parametrize("at", [0, 31, 32, 33])
def test_one_changed_bit_is_one_too_many(at: int) -> None:
    signed = bytearray(OURS.signed(PLACE, b"42"))
    signed[at] ^= 1
    assert OURS.opened(PLACE, bytes(signed)) is None


@pytest.mark.parametrize("written", [b"", b"42", b"x" * 31, b"x" * 100, 7, "text", [b"42"], None])
def test_what_is_not_signed_is_not_there(written: object) -> None:
    assert OURS.opened(PLACE, written) is None


def test_a_signature_is_good_in_its_place_for_its_purpose_and_under_its_pepper_alone() -> None:
    signed = OURS.signed(PLACE, b"42")
    assert OURS.opened("aw:answer:2", signed) is None
    assert Seal(PEPPER, purpose="session").opened(PLACE, signed) is None
    assert Seal("another pepper of others", purpose="answer").opened(PLACE, signed) is None


def test_a_part_of_the_value_is_no_part_of_the_place() -> None:
    signed = OURS.signed("aw:answer:1", b"23")
    moved = signed[:32] + b"3"
    assert OURS.opened("aw:answer:12", moved) is None


def test_without_a_pepper_nothing_is_believed() -> None:
    bare = Seal("", purpose="answer")
    assert not bare.can_sign
    assert bare.opened(PLACE, bare.signed(PLACE, b"42")) is None


def test_what_is_read_from_redis_was_signed_by_one_of_us() -> None:
    def reads(path: Path, tree: ast.Module) -> Iterator[str]:
        if path.name == "shared_values.py":
            return
        for node in ast.walk(tree):
            match node:
                case ast.Attribute(value=ast.Name(id="redis" | "pipe" | "client"), attr=attr):
                    if attr in REDIS_READS:
                        yield f"line {node.lineno}: reads with .{attr}"
                case _:
                    pass

    folders = ("agent_workers/transport", "agent_workers/worker")
    check(
        reads,
        folders=folders,
        remedy="keep it in transport/shared/shared_values.py: it is signed there",
    )
