"""Forking after litellm was loaded: the child calls models, the parent has started nothing."""

import subprocess
import sys

PROGRAM = """
import os, sys, threading
from agent_workers.execution.models.litellm.gateway import LiteLLMGateway
from agent_workers.execution.models.litellm.loading import load_litellm
from agent_workers.execution.models.litellm.loop_thread import LoopThread
from agent_workers.execution.models.named.prices import default_prices
from agent_workers.execution.models.scripted.files import load_script
from agent_workers.execution.models.scripted.provider import register_scripted
from agent_workers.execution.models.values import Message, ModelRequest

litellm, prices = load_litellm(), default_prices()
register_scripted(litellm, load_script(), models=tuple(prices.prices))
gateway = LiteLLMGateway(litellm=litellm, prices=prices, loop=LoopThread())
asked = ModelRequest(model="scripted/small", messages=(Message(role="user", content="hi"),),
                     max_output_tokens=9, purpose="plan")

def call_in_a_child():
    child = os.fork()
    if child == 0:
        os._exit(0 if gateway.complete(asked, deadline_s=20).text == "echo: hi" else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

threads = threading.active_count()
codes = [call_in_a_child(), call_in_a_child()]
gateway.complete(asked, deadline_s=20)
codes.append(call_in_a_child())  # even when the parent did make a call
print(threads, codes)
"""


def test_a_child_forked_after_loading_completes_a_call() -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.stdout.strip() == "1 [0, 0, 0]", ran.stderr


def test_loading_prints_nothing_and_leaves_the_root_logger_alone() -> None:
    program = (
        "import logging\n"
        "from agent_workers.execution.models.litellm.loading import load_litellm\n"
        "load_litellm()\n"
        "assert not logging.getLogger().handlers\n"
        "assert not logging.getLogger('LiteLLM').handlers\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
