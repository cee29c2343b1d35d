"""A model call that is cut before litellm has prepared it leaves no word in a worker's log."""

import subprocess
import sys

PROGRAM = """
import gc, time
from agent_workers.execution.models.litellm.gateway import LiteLLMGateway
from agent_workers.execution.models.litellm.loading import load_litellm
from agent_workers.execution.models.litellm.loop_thread import LoopThread
from agent_workers.execution.models.failures import ModelFailed
from agent_workers.execution.models.named.prices import default_prices
from agent_workers.execution.models.scripted.files import load_script
from agent_workers.execution.models.scripted.provider import register_scripted
from agent_workers.execution.models.values import Message, ModelRequest

litellm, prices = load_litellm(), default_prices()
register_scripted(litellm, load_script(), models=tuple(prices.prices))
gateway = LiteLLMGateway(litellm=litellm, prices=prices, loop=LoopThread())
asked = ModelRequest(model="scripted/small", messages=(Message(role="user", content="hi"),),
                     max_output_tokens=9, purpose="plan")
gateway.complete(asked, deadline_s=60)
prepare, prepared = litellm.main.completion, []

def prepare_slowly(*arguments, **named):
    time.sleep(1.0)
    prepared.append(1)
    return prepare(*arguments, **named)

litellm.main.completion = prepare_slowly
try:
    gateway.complete(asked, deadline_s=0.5)
except ModelFailed as failed:
    print(failed.error_class.value)
while not prepared:
    time.sleep(0.05)
time.sleep(0.5)
gc.collect()
"""


def test_a_call_that_is_cut_before_it_is_made_says_nothing_more() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=False
    )
    assert (ran.stdout, ran.stderr) == ("timeout\n", "")
