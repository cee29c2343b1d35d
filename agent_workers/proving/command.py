"""The command `agent-workers prove`: its arguments, its servers, and its exit code."""

import argparse
import secrets
from pathlib import Path

from agent_workers.observability.logs import set_up_logs
from agent_workers.proving.grounds import Servers
from agent_workers.proving.matrix import Progress, Report
from agent_workers.proving.own import prove_own
from agent_workers.proving.servers import own_servers
from agent_workers.proving.soak.command import soak
from agent_workers.proving.trials.planning import FULL, Extent, Planning
from agent_workers.proving.trials.together import MOST_AT_ONCE, ready
from agent_workers.proving.trials.trials import BY_NAME
from agent_workers.proving.worlds.long import Which, prove_long
from agent_workers.terminal.printing import counted
from agent_workers.terminal.times import positive

_SEEDS = 1_000_000
_HOURS = 8.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Crash workers at every named point of a step, freeze them, cut their connections, and let"
        " a separate process count the effects. Runs on its own servers, and touches no others."
    )
    parser.add_argument("--agent", metavar="NAME", help="prove your own agent (from AGENT_TOOLS)")
    parser.add_argument("--input", default="{}", help="its input, as JSON (default: %(default)s)")
    parser.add_argument(
        "--count-command",
        metavar="COMMAND",
        help="a command that prints how often the effect of the job $JOB_ID happened",
    )
    parser.add_argument(
        "--full",
        action="store_true",
        help="strike at every line, every chunk that is sent, and every pair of points",
    )
    parser.add_argument("--seed", type=int, help="repeat the samples of an earlier proof")
    parser.add_argument("--only", metavar="TEXT", help="only trials whose name contains this")
    parser.add_argument(
        "--class",
        dest="classes",
        action="append",
        choices=sorted(BY_NAME),
        help="only this class; repeatable",
    )
    parser.add_argument(
        "--at-once", type=int, default=MOST_AT_ONCE, help="trials at once (default: %(default)s)"
    )
    parser.add_argument(
        "--long",
        action="store_true",
        help="run random worlds for hours instead, and reduce those that fail",
    )
    parser.add_argument(
        "--hours", type=positive, default=_HOURS, help="how long --long runs (default: %(default)s)"
    )
    parser.add_argument(
        "--world", type=int, metavar="N", help="with --long: only this world of the seed"
    )
    parser.add_argument(
        "--soak-minutes",
        type=positive,
        metavar="M",
        help="run real Celery workers under random kills, freezes and outages instead",
    )


def run(arguments: argparse.Namespace) -> int:
    """Prove; 1 when something was violated, with the seed and the place to repeat it."""
    set_up_logs(level="ERROR", json=False)  # outages are what this is about
    seed = arguments.seed if arguments.seed is not None else secrets.randbelow(_SEEDS)
    with own_servers() as (servers, folder, postgres, redis):
        if arguments.soak_minutes is not None:
            return soak(
                postgres=postgres,
                redis=redis,
                counter_url=servers.counter_url,
                folder=folder,
                seconds=arguments.soak_minutes * 60,
                seed=seed,
            )
        if arguments.long:
            long = prove_long(
                servers,
                Which(
                    seed=seed,
                    seconds=arguments.hours * 3600,
                    first=arguments.world or 1,
                    most=1 if arguments.world else None,
                ),
                folder=folder,
                at_once=min(arguments.at_once, MOST_AT_ONCE),
            )
            return 1 if long.found else 0
        if arguments.agent:
            return prove_own(arguments, servers, folder=folder, seed=seed)
        planning = Planning(
            seed=seed,
            extent=FULL if arguments.full else Extent(),
            variants=[BY_NAME[name] for name in arguments.classes or BY_NAME],
        )
        report = prove(
            servers,
            planning,
            folder=folder,
            only=arguments.only or "",
            at_once=min(arguments.at_once, MOST_AT_ONCE),
        )
    report.print()
    return 0 if report.is_proven else 1


def prove(
    servers: Servers,
    planning: Planning,
    *,
    folder: Path,
    only: str = "",
    at_once: int = MOST_AT_ONCE,
) -> Report:
    """Rehearse every class, plan what to strike, and strike it."""
    seed = planning.seed
    with ready(servers, folder=folder, at_once=at_once) as proving:
        rehearsals = planning.rehearsals()
        classes = counted(len(planning.variants), "class", "classes")
        print(f"seed {seed}: rehearsing {classes}", flush=True)
        rehearsed = proving.run(rehearsals, Progress(total=len(rehearsals), loud=False))
        trials = [trial for trial in planning.trials(rehearsed) if only in trial.name]
        judged = proving.run(trials, Progress(total=len(trials)))
        return Report(seed=seed, judged=[*rehearsed, *judged], broken=proving.broken())
