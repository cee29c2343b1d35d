"""Forking after a coroutine of a user ran: each child has a loop of its own."""

import subprocess
import sys

PROGRAM = """
import asyncio, os
from agent_workers.execution.users_code.calling import call_within

async def number():
    await asyncio.sleep(0)
    return 7

def call_in_a_child():
    child = os.fork()
    if child == 0:
        os._exit(0 if call_within(None, number) == 7 else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

print([call_in_a_child(), call_within(None, number), call_in_a_child()])
"""


def test_a_child_awaits_whether_or_not_its_parent_has() -> None:
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.stdout.strip() == "[0, 7, 0]", ran.stderr
