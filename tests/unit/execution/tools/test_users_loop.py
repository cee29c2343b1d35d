"""The loop of users' coroutines: one that blocks it holds up neither later ones nor the end."""

import asyncio
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta

import pytest

from agent_workers.domain.errors import Escaped
from agent_workers.execution.users_code.calling import UsersLoop

SOON, LATER = timedelta(milliseconds=20), timedelta(seconds=30)


async def number() -> int:
    await asyncio.sleep(0)
    return 7


def test_a_coroutine_that_blocks_the_loop_holds_up_nobody_who_comes_later() -> None:
    loop, begun, blocked = UsersLoop(grace_s=0.05), threading.Event(), threading.Event()

    async def blocks() -> int:
        begun.set()
        blocked.wait(60)
        return 7

    with ThreadPoolExecutor(50) as pool:
        stuck = pool.submit(loop.run, blocks(), SOON)
        assert begun.wait(30)
        # Those that come before it is noticed wait with it.
        later: set[Future[int]] = set()
        while not (came := wait(later, 0.1, FIRST_COMPLETED).done):
            later.add(pool.submit(loop.run, number(), LATER))
            assert len(later) < 49
        assert {one.result() for one in came} == {7}
        assert not stuck.done()
        blocked.set()
        assert stuck.result(30) == 7
    loop.close()


def test_what_runs_as_the_process_ends_is_cancelled() -> None:
    loop, begun = UsersLoop(), threading.Event()

    async def hangs() -> None:
        begun.set()
        await asyncio.Event().wait()

    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(loop.run, hangs(), None)
        assert begun.wait(30)
        loop.close()
        with pytest.raises(Escaped, match="CancelledError"):
            hanging.result(30)
    assert loop.run(number(), LATER) == 7
    loop.close()


def test_a_coroutine_that_blocks_the_loop_does_not_keep_the_process_from_ending() -> None:
    loop, begun, blocked = UsersLoop(grace_s=0.05), threading.Event(), threading.Event()

    async def blocks() -> None:
        begun.set()
        blocked.wait(60)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(loop.run, blocks(), None)
        assert begun.wait(30)
        loop.close()
        blocked.set()
