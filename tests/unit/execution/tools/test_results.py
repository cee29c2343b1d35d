"""What tools return: written as their annotation says it, and held against it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, WithJsonSchema, field_serializer

from agent_workers.domain.claim import Claimed
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import BadResult
from agent_workers.domain.ids import effect_key
from agent_workers.domain.reply import Happened, Written
from agent_workers.domain.step import StepKind, ToolFailed, ToolRan
from agent_workers.domain.tools.declaring import tool
from agent_workers.domain.tools.tool import Statement, Transaction
from agent_workers.execution.agents.registry import LoadedAgent, loaded
from agent_workers.execution.tools.router import ToolRouter
from agent_workers.execution.values.results import shape_of
from tests.unit.execution.evaluator.rounds import by_function
from tests.unit.orchestration.agents import JOB, claimed

KEY = effect_key(JOB, 1)
WHEN = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


class Order(BaseModel):
    number: int = Field(alias="no")


class Customer:
    """Something that no JSON stands for."""


class Shown(BaseModel):
    model_config = {"arbitrary_types_allowed": True}
    of: Annotated[Customer, WithJsonSchema({"type": "string"})]

    @field_serializer("of", when_used="json")
    def told(self, _: Customer) -> str:
        return "customer 7"


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
def problem(annotation: Any, result: object) -> str:
    with pytest.raises(BadResult) as caught:
        shape_of(annotation, "lookup").promised(result)
    return str(caught.value)


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
        (bytes, b"\xfb\xff", b'"+/8="'),
        (dict, {"at": WHEN, 1: Decimal("1.50")}, b'{"at":"2026-05-04T03:02:01Z","1":"1.50"}'),
    ],
)
def test_a_result_that_fits_is_written_as_its_annotation_says(
    annotation: Any, result: object, told: bytes
) -> None:
    shape = shape_of(annotation)
    assert shape.promised(result).replace(b"3.0", b"3") == told
    assert shape.objection(shape.kept(result)) == ""


def test_a_serializer_for_json_alone_has_its_say() -> None:
    assert shape_of(list[Shown]).promised([Shown(of=Customer())]) == b'[{"of":"customer 7"}]'


@pytest.mark.parametrize(
    ("annotation", "result", "words"),
    [
        (int, "3", "lookup declares int but returned str"),
        (str, None, "lookup declares str but returned None"),
        (dict[str, int], [1], "lookup declares dict[str, int] but returned list"),
        (list[Order], [{"no": "x"}],
         "lookup returned something other than it declares: at $[0].no: Input should be a valid integer"),
        (Paid, {"amount": "1"}, "other than it declares: at $.at: Field required"),
        (dict[str, list[dict[str, int | None]]], {"items": [{"price": 1}, {"price": "x"}]},
         "at $.items[1].price: Input should be a valid integer"),
        (Annotated[int, Field(ge=1)], 0, "other than it declares: Input should be greater than or equal to 1"),
        (str, "x" * 2_000_000, "lookup returned 2,000,002 bytes; 1,048,576 are allowed"),
        (object, "x" * 2_000_000, "lookup returned 2,000,002 bytes; 1,048,576 are allowed"),
        (dict, {"orders": [{"customer": Customer()}]},
         ("lookup returned something that is not JSON at $.orders[0].customer: Customer object; "
         "return text, numbers, lists or dicts")),
        (object, [float("nan")], "lookup returned something that is not JSON at $[0]: the number"),
        (dict[Any, int], {1: 1, "1": 2}, "not JSON: two keys that are both written '1'"),
        (list[float], [float("inf")], "not JSON at $[0]: the number inf"),
    ],
)  # fmt: skip
def test_a_result_that_does_not_fit_is_refused_in_words(
    annotation: Any, result: object, words: str
) -> None:
    assert words in problem(annotation, result)


def test_a_problem_does_not_repeat_the_result() -> None:
    told = problem(list[int], ["a secret"] * 100)
    assert "secret" not in told
    assert told.endswith("and 95 more")


@pytest.mark.parametrize(
    ("annotation", "result", "words"),
    [
        (int, "3", "lookup declares int but returned str"),
        (object, {"raw": Customer()}, "lookup returned something that is not JSON at $.raw"),
        (object, {1: 1, "1": 2}, "not JSON at $.'1': two keys that are both written '1'"),
        (object, "x" * 2_000_000, "lookup returned 2,000,002 bytes"),
    ],
)
def test_a_kept_result_tells_later_how_it_is_not_what_was_promised(
    annotation: Any, result: object, words: str
) -> None:
    shape = shape_of(annotation, "lookup")
    assert words in shape.objection(shape.kept(result))


@pytest.mark.parametrize("annotation", [Breaks, object])
def test_a_result_that_cannot_be_written_is_kept_in_some_way(annotation: Any) -> None:
    told = shape_of(annotation).kept(Breaks(secret=7))
    assert told == b'{"not_json":"Breaks object","kept":"Breaks(secret=7)"}'


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
    assert (ran.code, ran.message) == ("bad_result", "pay declares int but returned str")


def test_a_transactional_tool_with_such_a_result_writes_nothing() -> None:
    ran = router(writes, EffectClass.TRANSACTIONAL).write(step(EffectClass.TRANSACTIONAL))
    assert not isinstance(ran, Written)
    assert ran.code == "bad_result"


def test_an_effect_with_such_a_result_has_happened_and_what_it_said_is_kept() -> None:
    route = router(lies, EffectClass.UNSAFE)
    unsafe = step(EffectClass.UNSAFE)
    assert route.act(unsafe, b'{"given":"x"}', key=KEY, attempt=1) == Happened(result=b'"x"')
    assert route.objection(unsafe, b'"x"') == "pay declares int but returned str"
    assert route.objection(unsafe, b"7") == ""


def test_an_effect_whose_result_is_not_json_has_happened_and_says_where() -> None:
    def pays(given: str):  # as people write
        """Pay."""
        return {"id": given, "raw": [Customer()]}

    route, unsafe = router(pays, EffectClass.UNSAFE), step(EffectClass.UNSAFE)
    reply = route.act(unsafe, b'{"given":"x"}', key=KEY, attempt=1)
    assert isinstance(reply, Happened)
    assert json.loads(reply.result)["id"] == "x"
    said = "pay returned something that is not JSON at $.raw[0]: Customer object;"
    assert route.objection(unsafe, reply.result).startswith(said)


def test_a_result_that_fits_is_a_result() -> None:
    def tells(given: str) -> str:
        """Tell."""
        return given

    assert router(tells, EffectClass.PURE).run(step(EffectClass.PURE)) == ToolRan(result=b'"x"')


def test_a_transactional_tool_without_a_transaction_is_told_what_it_gave() -> None:
    def pays(given: str) -> str:
        """Pay."""
        return given

    ran = router(pays, EffectClass.TRANSACTIONAL).write(step(EffectClass.TRANSACTIONAL))
    assert isinstance(ran, ToolFailed)
    assert "pay is transactional but returned str; return a Transaction" in ran.message
