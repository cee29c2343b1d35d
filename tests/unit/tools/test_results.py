"""What tools return: written as their annotation says it, and held against it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, Field, field_serializer

from agent_workers.domain.claim import Claimed
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import effect_key
from agent_workers.domain.reply import Happened, Written
from agent_workers.domain.step import StepKind, ToolFailed, ToolRan
from agent_workers.domain.tool import Statement, Transaction, tool
from agent_workers.execution.agents.registry import LoadedAgent, loaded
from agent_workers.execution.results import shape_of
from agent_workers.execution.tools.router import ToolRouter
from tests.unit.evaluating.rounds import by_function
from tests.unit.orchestration.agents import JOB, claimed

KEY = effect_key(JOB, 1)
WHEN = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


class Order(BaseModel):
    number: int = Field(alias="no")


class Breaks(BaseModel):
    secret: int

    @field_serializer("secret")
    def told(self, _: int) -> int:
        raise RuntimeError("it may not be told")


@dataclass
class Paid:
    amount: Decimal
    at: datetime


# Any: results are of any type at all.
def written(annotation: Any, result: object) -> tuple[bytes, str]:
    shape = shape_of(annotation)
    told = shape.written(result)
    return told, shape.objection(told, result)


@pytest.mark.parametrize(
    ("annotation", "result", "told"),
    [
        (int, 3, b"3"),
        (float, 3, b"3"),
        (list[str], ("a", "b"), b'["a","b"]'),
        (list[Order], [Order(no=7)], b'[{"number":7}]'),
        (Order, {"no": 7}, b'{"no":7}'),
        (Paid, Paid(Decimal("1.50"), WHEN), b'{"amount":"1.50","at":"2026-05-04T03:02:01Z"}'),
        (None, None, b"null"),
        (int | None, None, b"null"),
        (object, {"any": "thing"}, b'{"any":"thing"}'),
        (Transaction[int], 3, b"3"),
        (Callable[..., int], "no schema can say it", b'"no schema can say it"'),
    ],
)
def test_a_result_that_fits_is_written_as_its_annotation_says(
    annotation: Any, result: object, told: bytes
) -> None:
    now, objection = written(annotation, result)
    assert objection == ""
    assert now.replace(b"3.0", b"3") == told


@pytest.mark.parametrize(
    ("annotation", "result", "words"),
    [
        (int, "3", "it: Input should be a valid integer"),
        (str, None, "it: Input should be a valid string"),
        (list[Order], [{"no": "x"}], "0.no: Input should be a valid integer"),
        (Paid, {"amount": "1"}, "at: Field required"),
        (dict[str, int], [1], "it: Input should be an object"),
        (str, "x" * 2_000_000, "the result is larger than 1048576 bytes"),
    ],
)
def test_a_result_that_does_not_fit_is_objected_to_in_words(
    annotation: Any, result: object, words: str
) -> None:
    _, objection = written(annotation, result)
    assert words in objection


def test_an_objection_does_not_repeat_the_result() -> None:
    _, objection = written(list[int], ["a secret"] * 100)
    assert "secret" not in objection
    assert objection.endswith("and 95 more")


@pytest.mark.parametrize("annotation", [Breaks, object])
def test_a_result_that_cannot_be_written_is_kept_in_some_way(annotation: Any) -> None:
    told, _ = written(annotation, Breaks(secret=7))
    assert told == b'"Breaks(secret=7)"'


def router(function: Callable[..., object], effect: EffectClass) -> ToolRouter:
    agent = loaded(by_function(tool(effect=effect, name="pay")(function)))

    def find(_: Claimed) -> LoadedAgent:
        return agent

    return ToolRouter(find)


def step(effect: EffectClass) -> Claimed:
    return replace(claimed(StepKind.TOOL, tool="pay", effect=effect), arguments=b'{"given":"x"}')


def lies(given: str) -> int:
    """Promise a number."""
    return given  # type: ignore[return-value]  # that is the point


def writes(given: str) -> Transaction[int]:
    """Promise a number."""
    return Transaction([Statement("select 1", {})], given)  # type: ignore[arg-type]  # as above


def test_a_pure_tool_with_such_a_result_has_failed_and_others_may_stand_in() -> None:
    ran = router(lies, EffectClass.PURE).run(step(EffectClass.PURE))
    assert isinstance(ran, ToolFailed)
    assert (ran.code, "valid integer" in ran.message) == ("bad_result", True)


def test_a_transactional_tool_with_such_a_result_writes_nothing() -> None:
    ran = router(writes, EffectClass.TRANSACTIONAL).write(step(EffectClass.TRANSACTIONAL))
    assert not isinstance(ran, Written)
    assert ran.code == "bad_result"


def test_an_effect_with_such_a_result_has_happened_and_what_it_said_is_kept() -> None:
    route = router(lies, EffectClass.UNSAFE)
    unsafe = step(EffectClass.UNSAFE)
    assert route.act(unsafe, b'{"given":"x"}', key=KEY, attempt=1) == Happened(result=b'"x"')
    assert "valid integer" in route.objection(unsafe, b'"x"')
    assert route.objection(unsafe, b"7") == ""


def test_a_result_that_fits_is_a_result() -> None:
    def tells(given: str) -> str:
        """Tell."""
        return given

    assert router(tells, EffectClass.PURE).run(step(EffectClass.PURE)) == ToolRan(result=b'"x"')
