"""`async def` tools and look-ups: awaited on one loop, in their time."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, NoReturn, TypeVar

import pytest

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import effect_key
from agent_workers.domain.reply import Happened, Reply, Seen, Unclear
from agent_workers.domain.step import Broke, StepKind, ToolFailed, ToolRan
from agent_workers.domain.tools.declaring import tool
from agent_workers.domain.tools.tool import Found, Transaction
from agent_workers.execution.agents.registry import loaded
from agent_workers.execution.tools.by_hand import run_by_hand
from agent_workers.execution.tools.router import ToolRouter
from tests.unit.execution.evaluator.rounds import by_function
from tests.unit.orchestration.agents import claimed

Gives = TypeVar("Gives")
STEP = claimed(StepKind.TOOL, tool="look")
KEY = effect_key(STEP.root_id, STEP.position)
PURE, KEYED, UNSAFE = EffectClass.PURE, EffectClass.KEYED, EffectClass.UNSAFE
SOON, LATER = timedelta(milliseconds=20), timedelta(seconds=30)
DAY = timedelta(days=1)


def router(function: Callable[[], object], effect: EffectClass = PURE, **said: Any) -> ToolRouter:
    said.setdefault("timeout", LATER)
    if effect is KEYED:
        said["key_ttl"] = DAY
    agent = loaded(by_function(tool(name="look", effect=effect, **said)(function)))
    return ToolRouter(lambda _: agent)


def acted(function: Callable[[], object], effect: EffectClass, **said: Any) -> Reply:
    return router(function, effect, **said).act(STEP, b"{}", key=KEY, attempt=1)


async def number() -> int:
    """Give a number."""
    await asyncio.sleep(0)
    return 7


async def never() -> int:
    """Give nothing, ever."""
    await asyncio.Event().wait()
    return 7


async def lies() -> int:
    """Promise a number."""
    return "seven"  # type: ignore[return-value]  # that is the point


async def streams() -> AsyncIterator[int]:
    """Give numbers one by one."""
    yield 7


def wrapped() -> Awaitable[int]:
    """Give a number, as a decorator's wrapper does."""
    return number()


@pytest.mark.parametrize("function", [number, wrapped])
def test_a_tool_is_awaited(function: Callable[[], object]) -> None:
    assert router(function).run(STEP) == ToolRan(result=b"7")
    assert acted(function, UNSAFE) == Happened(result=b"7")
    assert run_by_hand(tool(name="look")(function)) == 7


def test_its_result_is_held_against_what_it_says_that_it_gives() -> None:
    assert router(lies).run(STEP) == ToolFailed(
        code="bad_result", message="look declares int but returned str"
    )


def test_a_stream_is_no_result() -> None:
    ran = router(streams).run(STEP)
    assert isinstance(ran, ToolFailed)
    assert "not JSON: async_generator object" in ran.message


def test_a_transactional_tool_and_a_look_up_are_awaited() -> None:
    async def writes() -> Transaction[int]:
        """Write nothing."""
        return Transaction([], 7)

    async def looks() -> Found[int]:
        return Found(7)

    wish = router(writes, EffectClass.TRANSACTIONAL).write(STEP)
    assert not isinstance(wish, ToolFailed | Broke)
    assert wish.result == b"7"
    seen = router(number, EffectClass.RECONCILABLE, look_up=looks).look_up(STEP, b"{}", key=KEY)
    assert seen == Seen(found=True, result=b"7")


def test_calls_run_side_by_side_on_one_loop() -> None:
    barrier = asyncio.Barrier(3)

    async def meets() -> int:
        """Wait for two others."""
        await barrier.wait()
        return id(asyncio.get_running_loop())

    route = router(meets)
    with ThreadPoolExecutor(3) as pool:
        came = [pool.submit(route.run, STEP) for _ in range(3)]
        assert len({one.result(30) for one in came}) == 1


def test_what_the_caller_knows_of_its_context_is_known_there() -> None:
    said = contextvars.ContextVar("said", default="nothing")
    said.set("something")

    async def reads() -> str:
        """Read it."""
        return said.get()

    assert router(reads).run(STEP) == ToolRan(result=b'"something"')


def test_a_pure_tool_that_is_over_its_time_is_cancelled_and_tidies_up() -> None:
    tidied = []

    async def hangs() -> None:
        """Hang."""
        try:
            await asyncio.Event().wait()
        finally:
            tidied.append(True)

    broke = router(hangs, timeout=SOON).run(STEP)
    assert isinstance(broke, Broke)
    assert (broke.code, broke.retryable, tidied) == ("timeout", True, [True])
    told = "not done within 0.02 s, and cancelled; raise its timeout if it needs more"
    assert (broke.message, broke.trouble) == (told, None)


def test_of_a_keyed_effect_that_is_cancelled_nobody_knows_whether_it_happened() -> None:
    reply = acted(never, KEYED, timeout=SOON)
    assert isinstance(reply, Unclear)
    assert (reply.broke.code, reply.broke.retryable) == ("timeout", True)


def test_an_effect_that_the_kernel_ends_is_not_cancelled_since_a_part_of_it_could_act_later() -> (
    None
):
    async def slow() -> int:
        """Take longer than it may."""
        await asyncio.sleep(5 * SOON.total_seconds())
        return 7

    assert acted(slow, UNSAFE, timeout=SOON) == Happened(result=b"7")


def test_a_look_up_that_is_over_its_time_has_seen_nothing() -> None:
    route = router(number, EffectClass.RECONCILABLE, look_up=never, timeout=SOON)
    seen = route.look_up(STEP, b"{}", key=KEY)
    assert seen.broke is not None
    assert seen.broke.code == "timeout"


def test_what_a_coroutine_gives_although_it_is_cancelled_counts() -> None:
    async def stubborn() -> int:
        """Go on."""
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return 7
        return 8

    assert router(stubborn, timeout=SOON).run(STEP) == ToolRan(result=b"7")


def test_a_time_out_of_its_own_is_an_error_like_any_other() -> None:
    async def asks() -> NoReturn:
        """Ask."""
        raise TimeoutError("the shop did not answer")

    broke = router(asks).run(STEP)
    assert isinstance(broke, Broke)
    assert broke.message == "TimeoutError: the shop did not answer"


@pytest.mark.parametrize(
    "raised",
    [asyncio.CancelledError(), SystemExit(3), KeyboardInterrupt(), GeneratorExit()],
    ids=lambda one: type(one).__name__,
)
def test_what_is_no_exception_ends_neither_the_thread_nor_the_loop(raised: BaseException) -> None:
    async def leaves() -> NoReturn:
        """Leave in another way than tools do."""
        raise raised

    reply = acted(leaves, UNSAFE)
    assert isinstance(reply, Unclear)
    assert type(raised).__name__ in reply.broke.message
    assert router(number).run(STEP) == ToolRan(result=b"7")
