"""What leaves users' code and is no `Exception` ends nothing: it is a failure like any other."""

import asyncio
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Annotated, Any, NoReturn, TypeVar

import pytest
from pydantic import AfterValidator, BaseModel, field_serializer
from typing_extensions import override

from agent_workers.domain.agents.agent import Agent
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import Ending
from agent_workers.domain.ids import EffectKey, effect_key
from agent_workers.domain.reply import Happened, Reply, Seen, Unclear
from agent_workers.domain.step import Broke, StepKind
from agent_workers.domain.tools.declaring import tool
from agent_workers.domain.tools.tool import Absent, Tool
from agent_workers.execution.agents.registry import loaded
from agent_workers.execution.evaluator.evaluating import checked
from agent_workers.execution.perform import Performer
from agent_workers.execution.sandbox.isolated_child import answer
from agent_workers.execution.tools.router import ToolRouter
from tests.unit.execution.evaluator.rounds import by_function, call, checked_by, planned, ran, work
from tests.unit.orchestration.agents import claimed

Gives = TypeVar("Gives")
STEP = claimed(StepKind.TOOL, tool="charge")
KEY: EffectKey = effect_key(STEP.root_id, STEP.position)
ESCAPING = [
    asyncio.CancelledError(),
    SystemExit(3),
    KeyboardInterrupt(),
    GeneratorExit(),
    BaseExceptionGroup("all canceled", [asyncio.CancelledError()]),
]
escaping = pytest.mark.parametrize("raised", ESCAPING, ids=lambda one: type(one).__name__)


class Shutdown(SystemExit):
    """As Celery's own, which end a worker at once."""


class OverTime(Ending):
    """As that of `agent-workers tools call`."""


def test_a_plain_error_is_passed_on_as_it_is() -> None:
    assert acted(ValueError("no")) == Unclear(
        broke=Broke(code="mistake", message="ValueError: no", retryable=True)
    )


@escaping
def test_an_effect_may_have_happened_before_it(raised: BaseException) -> None:
    reply = acted(raised)
    assert isinstance(reply, Unclear)
    assert reply.broke.code == "exception"
    assert type(raised).__name__ in reply.broke.message


@escaping
def test_a_look_up_has_seen_nothing(raised: BaseException) -> None:
    seen = looked_up(raised)
    assert seen.broke is not None
    assert type(raised).__name__ in seen.broke.message


@escaping
def test_a_pure_tool_has_failed(raised: BaseException) -> None:
    assert isinstance(on_a_thread(lambda: router(raised, EffectClass.PURE).run(STEP)), Broke)


@escaping
def test_a_transactional_tool_has_written_nothing(raised: BaseException) -> None:
    writing = router(raised, EffectClass.TRANSACTIONAL)
    assert isinstance(on_a_thread(lambda: writing.write(STEP)), Broke)


@escaping
def test_a_planner_has_failed(raised: BaseException) -> None:
    assert isinstance(performed(StepKind.PLAN, Agent(name="a", plan=raising(raised))), Broke)


@escaping
def test_an_evaluator_has_failed(raised: BaseException) -> None:
    agent = Agent(name="a", plan=raising(raised), evaluate=raising(raised))
    assert isinstance(performed(StepKind.EVALUATE, agent), Broke)


@escaping
def test_a_check_of_an_agent_has_failed(raised: BaseException) -> None:
    agent = Agent(name="a", plan=raising(raised), checks=[raising(raised)])
    assert isinstance(performed(StepKind.EVALUATE, agent), Broke)


@escaping
def test_a_check_of_a_tool_objects(raised: BaseException) -> None:
    agent = by_function(checked_by(raising(raised)))
    objection = on_a_thread(lambda: checked(work(agent, planned(call("c1")), ran("c1", "x"))))
    assert objection is not None
    assert type(raised).__name__ in objection.reason


@escaping
def test_an_isolated_tool_answers_with_it(
    raised: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = raising_tool(raised, EffectClass.UNSAFE)
    monkeypatch.setattr(
        "agent_workers.execution.sandbox.isolated_child._found", lambda *_: declared
    )
    call = {"key": "", "tenant_id": "", "job_id": "0" * 32, "position": 1, "attempt": 1}
    told = {"module": "", "name": "", "looks_up": False, "arguments": "{}", "call": call}
    answered = on_a_thread(lambda: answer(told, lambda: None))
    assert answered["raised"]["kind"] == "other"


def test_a_result_that_breaks_as_it_is_written_is_kept_as_proof() -> None:
    class Receipt(BaseModel):
        number: str

        @field_serializer("number")
        def told(self, _: str) -> str:
            raise asyncio.CancelledError

    def charge() -> Receipt:
        """Charge."""
        return Receipt(number="7")

    declared = tool(name="charge", effect=EffectClass.UNSAFE)(charge)
    agent = loaded(by_function(declared))
    reply = ToolRouter(lambda _: agent).act(STEP, b"{}", key=KEY, attempt=1)
    assert isinstance(reply, Happened)


def test_a_result_that_breaks_as_it_is_copied_or_described_is_kept_as_proof() -> None:
    class Number:
        def __deepcopy__(self, _: object) -> "Number":
            raise asyncio.CancelledError

        @override
        def __repr__(self) -> str:
            raise ValueError

    @dataclass
    class Receipt:
        number: Number

    def charge() -> Any:
        """Charge."""
        return Receipt(Number())

    declared = tool(name="charge", effect=EffectClass.UNSAFE)(charge)
    agent = loaded(by_function(declared))
    reply = ToolRouter(lambda _: agent).act(STEP, b"{}", key=KEY, attempt=1)
    assert isinstance(reply, Happened)


@escaping
def test_a_fallback_whose_validator_breaks_does_not_take_the_arguments(
    raised: BaseException,
) -> None:
    def fail(_: str) -> NoReturn:
        raise raised

    def charge(amount: Annotated[str, AfterValidator(fail)]) -> str:
        """Charge."""
        return amount

    agent = loaded(by_function(tool(name="charge", effect=EffectClass.UNSAFE)(charge)))
    step = replace(STEP, arguments=b'{"amount":"1"}')
    assert not on_a_thread(lambda: ToolRouter(lambda _: agent).takes(step, "charge"))


@pytest.mark.parametrize("ours", [Shutdown(1), OverTime()], ids=lambda one: type(one).__name__)
def test_what_ends_the_process_passes_through(ours: BaseException) -> None:
    with pytest.raises(type(ours)):
        acted(ours)


def test_a_key_that_was_pressed_passes_through_where_nobody_handles_it() -> None:
    assert threading.current_thread() is threading.main_thread()
    # A shell that runs its tests in the background ignores Ctrl-C for all of them.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            router(KeyboardInterrupt()).act(STEP, b"{}", key=KEY, attempt=1)
    finally:
        signal.signal(signal.SIGINT, before)


def acted(raised: BaseException) -> Reply:
    return on_a_thread(lambda: router(raised).act(STEP, b"{}", key=KEY, attempt=1))


def looked_up(raised: BaseException) -> Seen:
    return on_a_thread(lambda: router(raised).look_up(STEP, b"{}", key=KEY))


def performed(kind: StepKind, agent: Agent) -> object:
    bound = loaded(agent)
    perform = Performer(find=lambda _: bound, router=ToolRouter(lambda _: bound))
    return on_a_thread(lambda: perform(claimed(kind), tuple))


def on_a_thread(does: Callable[[], Gives]) -> Gives:
    """As workers call tools: where nobody presses a key."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(does).result()


def router(raised: BaseException, effect: EffectClass = EffectClass.RECONCILABLE) -> ToolRouter:
    agent = loaded(by_function(raising_tool(raised, effect)))
    return ToolRouter(lambda _: agent)


def raising_tool(raised: BaseException, effect: EffectClass) -> Tool:
    def charge() -> str:
        """Charge, then leave in another way than tools do."""
        raise raised

    def look_up() -> Absent:
        raise raised

    looks = look_up if effect is EffectClass.RECONCILABLE else None
    return tool(name="charge", effect=effect, look_up=looks)(charge)


# Any: planners, evaluators and checks return different things; this returns nothing.
def raising(raised: BaseException) -> Callable[[object], Any]:
    def leave(_: object) -> NoReturn:
        raise raised

    return leave
