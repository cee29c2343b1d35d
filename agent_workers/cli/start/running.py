"""Runs everything under one supervisor until it is told to stop."""

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.step import Lane
from agent_workers.local.agents.folder import AgentsFolder, agents_folder, settings_with
from agent_workers.local.agents.registry import look_ahead
from agent_workers.local.database import database_at
from agent_workers.local.output import Lines
from agent_workers.local.running import running
from agent_workers.local.surroundings import data_folder
from agent_workers.local.system import System, Wanted
from agent_workers.settings import load_settings
from agent_workers.state.database.diagnosis import Diagnosis

_REFUND_SLOW_S = 3.0
_LOOK_EVERY_S = 1.0


def run_all(arguments: argparse.Namespace, lines: Lines) -> int:
    names = ("tools", "api_port", "flower_port")
    given = {name: getattr(arguments, name) for name in names}
    settings = load_settings(**{name: v for name, v in given.items() if v is not None})
    folders = tuple(map(agents_folder, arguments.folders))
    demo = not (settings.tools or folders)
    # A mistake in a module is told at once, not by the worker that comes after all the servers.
    for folder in folders:
        os.environ.update(folder.variables)
    look_ahead(settings_with(settings, folders))
    system = System(
        data_folder(arguments),
        Wanted(settings=settings, folders=folders, refund_slow_s=_REFUND_SLOW_S if demo else None),
        lines=None if arguments.quiet else lines,
        say=lines.announce,
    )
    try:
        with running(system):
            _welcome(system, lines, folders)
            ready = Ready(
                partial(missing_of, system),
                say=lines.announce,
                next_step=list(_next_step(system.agents, demo=demo)),
            )
            while True:
                system.supervisor.wait(_LOOK_EVERY_S)
                system.look_after_servers()
                ready.look()
    except KeyboardInterrupt:
        return 0


def _welcome(system: System, lines: Lines, folders: Sequence[AgentsFolder]) -> None:
    lines.announce(f"API     {system.place.url} (key in {system.folder.path / 'api_key'})")
    password = system.folder.path / "flower_password"
    lines.announce(f"Flower  {system.flower_url} (user admin, password in {password})")
    for folder in folders:
        for name, url in folder.variables.items():
            lines.announce(
                f"{name} {url} (stands in for other systems: GET it to see what was done there)"
            )
    lines.announce("starting workers, webhooks, beat and Flower; Ctrl-C stops everything")


def _next_step(agents: Sequence[str], *, demo: bool) -> Iterator[str]:
    if demo:
        yield "these are the demo's agents (--tools names your own); in another terminal, here:"
        yield '  agent-workers jobs submit support "Please tell me the refund policy" --wait'
    elif agents:
        yield "in another terminal, in this folder:"
        yield f'  agent-workers jobs submit {agents[0]} "…" --wait'
    else:
        yield "no agent is declared in a module; apply one from a file: `agent-workers agents apply FILE`"


SAID_EVERY_S = 20.0
_OK = 200


class Ready:
    """Looks again each time that it is called, until everything has answered."""

    def __init__(
        self,
        missing: Callable[[], Sequence[str]],
        *,
        say: Callable[[str], None],
        next_step: Sequence[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._missing = missing
        self._say = say
        self._next_step = next_step
        self._clock = clock
        self._said_at = clock()
        self.is_ready = False

    def look(self) -> None:
        if self.is_ready:
            return
        missing, now = self._missing(), self._clock()
        if not missing:
            self.is_ready = True
            for line in ("ready: everything answers", *self._next_step):
                self._say(line)
        elif now - self._said_at >= SAID_EVERY_S:
            self._said_at = now
            self._say(f"still waiting for {'; '.join(missing)}")


def missing_of(system: System) -> list[str]:
    """Name what of a system does not answer yet."""
    return list(_missing(system))


def _missing(system: System) -> Iterator[str]:
    if not _answers(f"{system.place.url}/health/ready"):
        yield f"the API at {system.place.url}"
    lanes = _lanes(system.database_url)
    if away := [lane for lane in Lane if lane not in lanes]:
        yield f"a worker for {', '.join(away)}"
    if not _answers(f"{system.flower_place}/healthcheck"):
        yield f"Flower at {system.flower_place}"


def _lanes(database_url: str) -> frozenset[str]:
    try:
        with database_at(database_url, "up") as database:
            return Diagnosis(database).work().lanes
    except StateUnavailable:
        return frozenset()


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    with closing(HTTPConnection(parts.netloc, timeout=2)) as connection:
        try:
            connection.request("GET", parts.path)
            return connection.getresponse().status == _OK
        except (OSError, HTTPException):
            return False
