"""The words of the sandbox: a program, its bounds, and every way that running it can end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.tools.facility import Facility

KIB = 1 << 10
MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a program may use before it is ended; None: no bound of that kind."""

    wall: timedelta | None = timedelta(seconds=10)
    cpu: timedelta | None = timedelta(seconds=10)
    memory: int = 256 * MIB
    output: int = 256 * KIB
    # Open at the same time, and how much all of them together may hold.
    files: int = 64
    disk: int = 16 * MIB
    # Itself included; 1: it cannot start another one.
    processes: int = 1


# A server that stays: its owner ends it, and runtimes such as node use many threads.
LONG_LIVED = Bounds(wall=None, cpu=None, memory=1_024 * MIB, files=256, disk=64 * MIB, processes=64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What a confined program may reach of this machine, beside the system's own files."""

    # Files and folders that it needs; what of all that it sees is in `hides`, it cannot read.
    reads: Sequence[Path] = ()
    hides: Sequence[Path] = ()
    # Every server that this machine reaches; with `ports`, by TCP only those.
    network: bool = False
    ports: Sequence[int] = ()

    @property
    def is_online(self) -> bool:
        return self.network or bool(self.ports)


NOTHING = Allowed()


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Python source, with values that it finds under their names."""

    source: str
    given: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """It ran to its end: what it printed, and the value of its last expression, as JSON has it."""

    value: object
    printed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """The program itself went wrong; `way`: the lines of it that led there, as a traceback."""

    error: str
    message: str
    printed: str = ""
    way: str = ""


@dataclass(frozen=True, slots=True)
class TimedOut:
    after: timedelta


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    memory: int


@dataclass(frozen=True, slots=True)
class TooMuchOutput:
    output: int


@dataclass(frozen=True, slots=True)
class Died:
    """The interpreter ended without a word, or with words that are none of ours."""

    how: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The level does not run such a program."""

    reason: str


NotFinished = Raised | TimedOut | OutOfMemory | TooMuchOutput | Died | Refused
Ran = Finished | NotFinished


class Sandbox(Protocol):
    """One level: runs a program within bounds. Whatever the program does, this returns."""

    @property
    def name(self) -> str: ...

    def run(self, program: Program, bounds: Bounds) -> Ran: ...


class CodeRunner(Facility, Protocol):
    """What the tool `python_code` asks the worker for."""

    def run(self, program: Program, bounds: Bounds) -> Ran: ...


class NoBoundary(AgentWorkersError):
    """This machine has nothing that can hold such a program; the message says what is missing."""

    code = "no_boundary"
