"""`agent-workers demo`: three refund jobs on a system of its own, and then nothing left running."""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import agent_workers
from agent_workers.cli.demo.story import ask_both, ask_model, ask_policy, pay_back
from agent_workers.cli.demo.telling import Telling
from agent_workers.client.client import Client
from agent_workers.local import programs
from agent_workers.local.running import running
from agent_workers.local.surroundings import add_folder, data_folder
from agent_workers.local.system import System, Wanted
from agent_workers.settings import load_settings

# Long enough to kill a worker while it waits for the answer.
_REFUND_SLOW_S = 3.0
_NAME = "agent-workers"
Scene = Callable[[System, Client, Telling], bool]
_SCENES: tuple[Scene, ...] = (ask_policy, ask_both, pay_back)
_MODEL_SCENES: tuple[Scene, ...] = (ask_model,)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_folder(parser)
    parser.add_argument(
        "--keep", action="store_true", help="keep the system running afterwards, until Ctrl-C"
    )
    parser.add_argument(
        "--model", action="store_true", help="add a job that a (scripted, offline) model plans"
    )
    parser.add_argument(
        "--fresh",
        action="store_true",
        help="first delete the data of earlier runs, of `up` as well",
    )


def run(arguments: argparse.Namespace) -> int:
    folder = data_folder(arguments)
    settings = load_settings(**_told(with_model=arguments.model))
    telling = Telling()
    system = System(
        folder,
        Wanted(settings=settings, refund_slow_s=_REFUND_SLOW_S),
        lines=None,
        say=telling.aside,
    )
    if arguments.fresh:
        system.delete_data()
    began = time.monotonic()
    telling.title("Starting Postgres, Redis, API, workers, beat and Flower")
    try:
        with running(system):
            telling.aside(f"API {system.place.url}, Flower {system.flower_url}")
            telling.aside(f"ready after {time.monotonic() - began:.1f} s")
            went_well = _play(system, telling, _SCENES + _MODEL_SCENES * arguments.model)
            telling.title(f"Done in {time.monotonic() - began:.1f} s")
            _tell_next(telling, keep=arguments.keep)
            if arguments.keep:
                _stay(system, telling)
    except KeyboardInterrupt:
        return 0 if arguments.keep else 130
    return 0 if went_well else 1


def _told(*, with_model: bool) -> dict[str, object]:
    if not with_model:
        return {"tools": (programs.DEMO_TOOLS,)}
    script = Path(agent_workers.__file__).parent / "demo" / "by_model.yaml"
    return {"tools": (programs.DEMO_TOOLS, programs.DEMO_MODEL_TOOLS), "scenario": (script,)}


def _play(system: System, telling: Telling, scenes: Sequence[Scene]) -> bool:
    with Client(system.place.url, system.place.key) as client:
        results = [scene(system, client, telling) for scene in scenes]
    return all(results)


def _tell_next(telling: Telling, *, keep: bool) -> None:
    """Say which three commands are worth a try now."""
    me = _me()
    telling.title("Try next" + (", in another terminal" if keep else ""))
    for command, what in (
        (f"{me} up", "run the same system until Ctrl-C"),
        (f'{me} jobs submit support "What is the refund policy?" --watch', "submit a job to it"),
        (f"{me} jobs list", "see all jobs; `jobs show JOB` shows one"),
    )[1 if keep else 0 :]:
        telling.line(command)
        telling.aside(f"  {what}")


def _me() -> str:
    """Name our command as this shell finds it: by its name, or by its path in a clone."""
    program = Path(sys.argv[0])
    if program.name != _NAME:
        return _NAME
    found = shutil.which(_NAME)
    if found is not None and Path(found).resolve() == program.resolve():
        return _NAME
    return os.path.relpath(program)


def _stay(system: System, telling: Telling) -> None:
    telling.aside(f"still running; API key in {system.folder.path / 'api_key'}; Ctrl-C stops it")
    while True:
        system.supervisor.wait(3600)
