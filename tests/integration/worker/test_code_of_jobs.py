"""A job that runs Python of its own, and tools in child processes: the worker outlives all of it."""

import os
from typing import Any

from tests.integration.worker import tool_agents
from tests.integration.worker.conftest import Bench
from tests.support.boundaries import needs_a_boundary

pytestmark = needs_a_boundary


def test_code_and_isolated_tools_are_steps_like_any_others(bench: Bench) -> None:
    hostile = "print(open('/etc/shadow').read())"
    job = bench.submit(
        {
            "rounds": [
                [["python_code", {"code": "result = sum(n)", "given": {"n": [40, 2]}}]],
                [["python_code", {"code": hostile}], ["crash", {}]],
                [["look_around", {"greeting": "hello"}]],
            ]
        },
        agent="armed",
    )
    bench.until_done(job, bench.runtime(module=tool_agents.__name__))
    output: Any = bench.output(job)
    counted, refused, crashed, looked = output
    assert counted == {"result": 42, "printed": ""}
    assert (refused["code"], crashed["code"]) == ("code_raised", "tool_died")
    assert looked["process"] != os.getpid()
