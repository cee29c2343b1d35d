"""Work that outlives its request keeps the place of its tenant, and of nobody else."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.ids import TenantId
from api.problems import Problem
from api.process.threads import CALLER, Threads

A, B = TenantId("a"), TenantId("b")
Held = Callable[[], object]


async def of(tenant_id: TenantId, threads: Threads, work: Held) -> None:
    CALLER.set(tenant_id)
    await threads.run(work)


def begun(
    tenant_id: TenantId, threads: Threads, work: Held, *, times: int = 1
) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(of(tenant_id, threads, work)) for _ in range(times)]


def tried(attack: Callable[[threading.Event], Awaitable[None]]) -> None:
    """Run it with an event that holds work up until it is set."""
    go = threading.Event()

    async def attacked() -> None:
        try:
            await asyncio.wait_for(attack(go), 20)
        finally:
            go.set()

    asyncio.run(attacked())


def test_a_tenant_whose_work_hangs_stops_no_other():
    async def attack(go: threading.Event) -> None:
        threads = Threads(8, patience_s=0.05)
        hanging = begun(A, threads, go.wait, times=20)
        await of(B, threads, lambda: None)
        await asyncio.wait(hanging[:6])
        assert all(isinstance(one.exception(), StateUnavailable) for one in hanging[:6])
        assert not any(one.done() for one in hanging[6:])  # the six still work
        await of(B, threads, lambda: None)
        go.set()
        await asyncio.gather(*hanging[6:])
        threads.close()

    tried(attack)


def test_a_place_is_free_when_the_work_has_ended_and_not_when_its_request_has():
    async def attack(go: threading.Event) -> None:
        threads = Threads(1, patience_s=0.05)
        [first] = begun(A, threads, go.wait)
        with pytest.raises(StateUnavailable):
            await first
        [second] = begun(B, threads, lambda: None)
        await asyncio.sleep(0.1)
        assert not second.done()
        go.set()
        await second
        threads.close()

    tried(attack)


def test_who_waits_too_long_for_a_place_is_told_so():
    async def attack(go: threading.Event) -> None:
        threads = Threads(1, wait_s=0.05)
        first = begun(A, threads, go.wait)
        await asyncio.sleep(0)
        with pytest.raises(Problem) as refused:
            await of(A, threads, lambda: None)
        assert refused.value.code == "too_many_requests"
        assert refused.value.retryable
        go.set()
        await asyncio.gather(*first)
        await of(A, threads, lambda: None)  # who gave up has left nothing behind
        threads.close()

    tried(attack)


@pytest.mark.parametrize("has_its_turn", [False, True])
def test_a_request_that_ends_while_it_waits_leaves_no_place_taken(*, has_its_turn: bool):
    async def attack(go: threading.Event) -> None:
        threads = Threads(1, wait_s=0.5)
        [first] = begun(A, threads, go.wait)
        [gone] = begun(B, threads, lambda: None)
        await asyncio.sleep(0)
        if has_its_turn:
            go.set()
            await first  # in this very moment
        gone.cancel()
        await asyncio.wait([gone])
        assert gone.cancelled()
        go.set()
        await first
        await of(A, threads, lambda: None)
        threads.close()

    tried(attack)


def test_that_every_thread_hangs_is_noticed_and_that_some_do_is_not():
    now = [100.0]

    async def attack(go: threading.Event) -> None:
        threads = Threads(2, patience_s=0.05, clock=lambda: now[0])
        with pytest.raises(StateUnavailable):
            await of(A, threads, go.wait)
        await asyncio.sleep(0.1)
        now[0] += 50
        assert not threads.hung_s
        with pytest.raises(StateUnavailable):
            await of(B, threads, go.wait)
        while not threads.hung_s:
            now[0] += 1
            await asyncio.sleep(0.01)
        go.set()
        await of(A, threads, lambda: None)
        assert not threads.hung_s
        threads.close()

    tried(attack)
