"""Model calls without the engine, in a process of their own: `python -m … SCRIPT CALLS` prints JSON."""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from agent_workers.execution.models.litellm.gateway import LiteLLMGateway
from agent_workers.execution.models.litellm.loading import load_litellm
from agent_workers.execution.models.litellm.loop_thread import LoopThread
from agent_workers.execution.models.litellm.shape import LiteLLM
from agent_workers.execution.models.named.prices import default_prices
from agent_workers.execution.models.scripted.files import load_script
from agent_workers.execution.models.scripted.provider import register_scripted
from agent_workers.execution.models.values import Message, ModelRequest, ToolSchema

_MODEL = "scripted/small"
_NOTHING = {"type": "object", "properties": {}}
_ASKED = ModelRequest(
    model=_MODEL,
    messages=(Message(role="user", content="think"),),
    max_output_tokens=2_048,
    purpose="plan",
    tools=(ToolSchema(name="noop", description="Do nothing.", parameters=_NOTHING),),
)


def main(script: str, calls: str) -> None:
    """Measure both ways after a first call that warms up."""
    litellm, many = load_litellm(), int(calls)
    register_scripted(litellm, load_script(Path(script)), models=(_MODEL,))
    loop = LoopThread()
    gateway = LiteLLMGateway(litellm=litellm, prices=default_prices(), loop=loop)

    def through_the_gateway(number: int) -> None:
        with ThreadPoolExecutor(number) as threads:
            for asked in [
                threads.submit(gateway.complete, _ASKED, deadline_s=120) for _ in range(number)
            ]:
                asked.result()

    ways = {
        "by LiteLLM alone": lambda number: asyncio.run(_alone(litellm, number)),
        "through the gateway, from as many threads": through_the_gateway,
    }
    seen = {name: _measured(way, many) for name, way in ways.items()}
    loop.close()
    print(json.dumps(seen))


async def _alone(litellm: LiteLLM, calls: int) -> None:
    await asyncio.gather(
        *(
            litellm.acompletion(
                model=_MODEL,
                messages=[{"role": "user", "content": "think"}],
                max_tokens=2_048,
                tools=[{"type": "function", "function": {"name": "noop", "parameters": _NOTHING}}],
                num_retries=0,
                max_retries=0,
            )
            for _ in range(calls)
        )
    )


def _measured(way: Callable[[int], None], calls: int) -> dict[str, float]:
    way(1)
    began, cpu = time.perf_counter(), time.process_time()
    way(calls)
    return {
        "cpu_ms": 1_000 * (time.process_time() - cpu) / calls,
        "seconds": time.perf_counter() - began,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
