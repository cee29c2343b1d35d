"""Proves an agent of the user's own: its tools under the same blows, counted by its counterpart."""

import argparse
import os
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import Misdeclared
from agent_workers.execution.agents.registry import LoadedAgent
from agent_workers.local.agents.registry import registry_of
from agent_workers.proving.grounds import Servers
from agent_workers.proving.matrix import Progress, Report
from agent_workers.proving.trials.judge import Judged
from agent_workers.proving.trials.outside import Uncounted
from agent_workers.proving.trials.planning import FULL, Extent, Planning
from agent_workers.proving.trials.stage import Job
from agent_workers.proving.trials.together import ready
from agent_workers.proving.trials.trials import Variant
from agent_workers.settings import load_settings
from agent_workers.terminal.given import read_json

_OWN = Extent(freezes=12, dozes=12, pairs=12, lines=0, postgres=6, redis=2, server=0, stops=4)
_AT_ONCE = 8
_COUNT_PATIENCE_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """The user's own counter: a command that prints how often a job's effect happened."""

    command: str | None

    def wrongs(self, judged: Judged) -> tuple[str, ...]:
        """Ask it about one trial."""
        if self.command is None or judged.seen.job_id is None:
            return ()
        ran = subprocess.run(
            ["sh", "-c", self.command],
            env=os.environ | {"JOB_ID": str(judged.seen.job_id)},
            capture_output=True,
            text=True,
            timeout=_COUNT_PATIENCE_S,
            check=False,
        )
        try:
            happened = int(ran.stdout.strip())
        except ValueError:
            return (f"the count command did not print a number: {ran.stdout!r} {ran.stderr!r}",)
        if happened > 1:
            return (f"duplicate: it happened {happened} times",)
        if happened == 0 and judged.seen.status == "succeeded":
            return ("lost: it never happened, and the job says it did",)
        return ()


def prove_own(arguments: argparse.Namespace, servers: Servers, *, folder: Path, seed: int) -> int:
    """Run the user's agent under blows, and say what can be known of it."""
    settings = load_settings()
    agent = registry_of(settings).current(arguments.agent)
    if agent is None:
        modules = ", ".join(settings.tools) or "names no module"
        raise Misdeclared(f"there is no agent {arguments.agent!r} in AGENT_TOOLS ({modules})")
    job = Job(
        outside=Uncounted(read_json(arguments.input, what="--input")),
        agent=arguments.agent,
        plan_timeout_ms=round(agent.declared.step_timeout.total_seconds() * 1000),
        calm_s=60.0 + _longest_wait_s(agent),
    )
    variant = Variant(name=arguments.agent, tools=(), may_doubt=True)
    planning = Planning(seed=seed, extent=FULL if arguments.full else _OWN, variants=[variant])
    with ready(
        servers, folder=folder, tools=",".join(settings.tools), job=job, at_once=_AT_ONCE
    ) as proving:
        rehearsed = proving.run(planning.rehearsals()[:1], Progress(total=1))
        if any(one.wrongs for one in rehearsed):
            Report(seed=seed, judged=rehearsed).print()
            return 1
        trials = planning.trials(rehearsed)
        judged = proving.run(trials, Progress(total=len(trials)))
        report = Report(
            seed=seed,
            judged=_counted(judged, Counting(command=arguments.count_command)),
            broken=proving.broken(),
        )
    report.print()
    _say(agent, report.judged, arguments.count_command)
    return 0 if report.is_proven else 1


def _counted(judged: Sequence[Judged], counting: Counting) -> list[Judged]:
    return [replace(one, wrongs=(*one.wrongs, *counting.wrongs(one))) for one in judged]


def _say(agent: LoadedAgent, judged: Sequence[Judged], counted: str | None) -> None:
    ends = Counter(str(one.seen.status) for one in judged)
    print("jobs ended: " + ", ".join(f"{number} {status}" for status, number in ends.items()))
    for name, tool in agent.tools.items():
        print(f"  tool {name}: {tool.declared.effect.value}")
        if tool.declared.effect is EffectClass.UNSAFE and ends["in_doubt"]:
            print("    a job ends in doubt where nobody can know what happened; see docs/proof.md")
    if counted is None:
        print(
            "Effects were not counted: only the system that your tools call can do that."
            " Count there that each job's effect happened at most once, or give --count-command."
        )


def _longest_wait_s(agent: LoadedAgent) -> float:
    """Lease, quiet time and another attempt of its slowest tool."""
    times = [
        2 * tool.declared.timeout.total_seconds() + tool.declared.rules.quiet_time.total_seconds()
        for tool in agent.tools.values()
    ]
    return 3 * max(times, default=0.0) + 2 * agent.declared.step_timeout.total_seconds()
