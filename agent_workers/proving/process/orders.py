"""What the conductor of a proof and the processes under trial say to each other, line by line."""

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum


class Blow(StrEnum):
    """What a process does to itself at a crash point."""

    KILL = "kill"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """Strike at a named point, at the n-th line of the step path, or at a line of a tool."""

    blow: Blow
    point: str = ""
    line: int = 0
    # `file:line`, the first time that a process comes by.
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Start one worker process."""

    worker: str
    # AGENT_* settings by name.
    settings: dict[str, str]
    lanes: tuple[str, ...] = ("plan", "tool", "effect", "evaluate")
    # One after the other.
    trips: tuple[Trip, ...] = ()
    # Say which points and how many lines it came by.
    watch: bool = False
    # Files of a tool under trial, whose lines are crash points instead of the step path's.
    files: tuple[str, ...] = ()
    # `module:function` to call first: a test breaks the protocol with it.
    prepare: str = ""
    # The module of its agents, where that is another one than the other workers have.
    tools: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    worker: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What became of a worker: started, ready, idle, tripped, passed, stopped, ended."""

    worker: str
    event: str
    # tripped, passed: the point, or file:line.
    place: str = ""
    # ended: its exit status, or minus the signal that ended it; passed: lines so far.
    number: int = 0
    error: str = ""


Order = Start | Signal


def write(message: Order | Said) -> bytes:
    """One line; short enough that a pipe takes it whole."""
    return json.dumps([type(message).__name__, asdict(message)]).encode() + b"\n"


def read_order(line: bytes) -> Order:
    name, fields = json.loads(line)
    if name == "Signal":
        return Signal(**fields)
    trips = tuple(Trip(**{**trip, "blow": Blow(trip["blow"])}) for trip in fields.pop("trips"))
    lists = {name: tuple(fields[name]) for name in ("lanes", "files")}
    return Start(**{**fields, **lists, "trips": trips})


def read_said(line: bytes) -> Said:
    return Said(**json.loads(line)[1])


@dataclass(slots=True)
class Lines:
    """Cuts a stream of bytes into lines."""

    _rest: bytes = field(default=b"")

    def feed(self, chunk: bytes) -> list[bytes]:
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        return whole
