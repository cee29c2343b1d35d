"""Jobs whose model thinks for a second, hundreds at once in one process, beside LiteLLM alone."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent_workers.bench.measures import CpuMeter, by_process, say
from agent_workers.bench.stage import Stage, Topology, wait_for
from agent_workers.bench.throughput import is_idle, last_finish, submit_all

LATENCY_S = 1.0
# A turn that calls a tool, and one that answers.
CALLS_PER_JOB = 2
SCRIPT = f"""scenarios:
  - when: {{last_role: tool}}
    latency_ms: {LATENCY_S * 1_000:.0f}
    reply: {{text: done}}
  - latency_ms: {LATENCY_S * 1_000:.0f}
    reply: {{tool_calls: [{{name: noop, arguments: {{}}}}]}}
"""


def thinking(stage: Stage, *, jobs: int = 500) -> None:
    """Submit jobs at once that each wait twice for a model; then make the same calls without us."""
    topology = Topology(
        name=f"one process of {jobs} threads",
        workers=(
            ("--lanes", "plan,tool,evaluate", "--pool", "threads", "--concurrency", str(jobs)),
        ),
    )
    with _scripted(stage), stage.workers(topology):
        submit_all(stage, "bench_model", "warm up", jobs=8, clients=8)
        wait_for(lambda: is_idle(stage), "warm-up", patience_s=60)
        worker = stage.processes["worker1"].pid
        idle_mib, meter, began = _peak_mib(worker), CpuMeter(stage), time.time()
        submit_all(stage, "bench_model", "think", jobs=jobs, clients=8)
        submitted = time.time() - began
        wait_for(lambda: is_idle(stage), "thinking jobs", patience_s=300)
        used = meter.per(jobs)
        say(
            f"{jobs} jobs of {CALLS_PER_JOB} model calls of {LATENCY_S:.0f} s each, {topology.name}:"
            f" done {last_finish(stage) - began:.2f} s after the first submission (ideal"
            f" {CALLS_PER_JOB * LATENCY_S:.0f}; the submissions took {submitted:.2f} s); memory"
            f" {idle_mib:.0f} MiB before, {_peak_mib(worker):.0f} MiB at its peak"
        )
    say(f"  {by_process(used)}; of a worker {used['worker1'] / CALLS_PER_JOB:.2f} per model call")
    _alone(stage, jobs)


def _alone(stage: Stage, calls: int) -> None:
    """Make as many calls at once in a process of their own, by LiteLLM and through the gateway."""
    with _scripted(stage) as script:
        command = [sys.executable, "-m", "agent_workers.bench.models_alone", str(script)]
        measured = subprocess.run(
            [*command, str(calls)], env=stage.environment, check=True, capture_output=True
        )
    for way, seen in json.loads(measured.stdout).items():
        say(
            f"  {calls} calls at once {way}: {seen['cpu_ms']:.2f} ms of CPU per call, done after"
            f" {seen['seconds']:.2f} s (ideal {LATENCY_S:.0f}), {seen['peak_mib']:.0f} MiB"
        )


@contextmanager
def _scripted(stage: Stage) -> Iterator[Path]:
    """Let workers serve the agent that thinks, by a script of its own."""
    before, script = dict(stage.environment), stage.folder / "thinking.yaml"
    script.write_text(SCRIPT, "utf-8")
    stage.environment["AGENT_TOOLS"] = "agent_workers.bench.model_agents"
    stage.environment["AGENT_SCENARIO"] = str(script)
    try:
        yield script
    finally:
        stage.environment.clear()
        stage.environment.update(before)


def _peak_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1_024
    return 0.0
