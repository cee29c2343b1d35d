"""What is too large for the reply of a claim is read afterwards, and the job does not notice."""

from tests.integration.worker.conftest import Bench

_LONG = "x" * 100_000


def test_a_planner_sees_the_whole_of_a_large_input(bench: Bench) -> None:
    runtime = bench.runtime()
    job = bench.submit({"uses": [["echo", {"value": 1}]], "padding": _LONG})
    bench.until_done(job, runtime)
    assert bench.output(job) == [{"tool": "echo", "type": "tool_ran", "value": 1}]


def test_tools_side_by_side_get_the_whole_of_their_large_arguments(bench: Bench) -> None:
    runtime = bench.runtime()
    job = bench.submit({"uses": [["echo", {"value": f"{n}{_LONG}"}] for n in range(3)]})
    bench.until_done(job, runtime)
    output = bench.output(job)
    assert isinstance(output, list)
    assert [one["value"] for one in output] == [f"{n}{_LONG}" for n in range(3)]
