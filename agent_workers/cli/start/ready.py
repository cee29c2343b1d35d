"""Says once that everything answers, and what to do next; says what does not, while it takes long."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.step import Lane
from agent_workers.local.database import database_at
from agent_workers.local.system import System
from agent_workers.state.database.diagnosis import Diagnosis

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
