"""A few threads for what blocks: everything but the two funnels goes through them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from agent_workers.domain.errors import StateUnavailable

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE_S = 15.0


class Threads:
    def __init__(self, count: int) -> None:
        self._executor = ThreadPoolExecutor(count, thread_name_prefix="api")

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run it in a thread; a database that hangs becomes an error, not a request that hangs."""
        call = partial(function, *args, **kwargs)
        running = asyncio.get_running_loop().run_in_executor(self._executor, call)
        try:
            return await asyncio.wait_for(running, PATIENCE_S)
        except TimeoutError as error:
            raise StateUnavailable("the database did not answer in time") from error

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
