"""Checks of the sandbox: what holds code here, and whether it does when a program tries."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from agent_workers.execution.sandbox.confining.confined import why_no_bwrap
from agent_workers.execution.sandbox.levels import Level, chosen, levels
from agent_workers.execution.sandbox.ports import (
    MIB,
    Bounds,
    Finished,
    NoBoundary,
    OutOfMemory,
    Program,
    Raised,
    Ran,
    TimedOut,
)
from agent_workers.execution.sandbox.telling import told
from agent_workers.settings_tools import ToolSettings
from agent_workers.terminal.findings import Finding, ok, warn

_BOUNDS = Bounds(wall=timedelta(seconds=3), memory=160 * MIB)
# What it is, the program, and what may come of it; None: nothing but its answer is right.
_PROGRAMS: tuple[tuple[str, str, tuple[type, ...]], ...] = (
    ("runs a program", "result = 6 * 7", ()),
    ("ends an endless loop", "while True: pass", (TimedOut,)),
    ("bounds memory", "kept = []\nwhile True: kept.append('x' * 1000000)", (OutOfMemory,)),
    ("starts no process", "import os\nwhile True: os.fork()", (Raised,)),
    ("reads no secret", "result = open('/etc/shadow').read()", (Raised,)),
    (
        "opens no connection",
        "import socket\nsocket.create_connection(('169.254.169.254', 80), 1)",
        (Raised,),
    ),
    ("writes nothing outside", "open('/usr/agent-workers-was-here', 'w')", (Raised,)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try, and whether the level held."""

    what: str
    ended: str
    held: bool


def attempts(level: Level) -> Iterator[Attempt]:
    """Try to get out of a level, or to use more than it gives."""
    sandbox = level.make()
    for what, source, wanted in _PROGRAMS:
        ran = sandbox.run(Program(source=source), _BOUNDS)
        held = isinstance(ran, wanted) if wanted else ran == Finished(value=42, printed="")
        yield Attempt(what=what, ended=_ended(ran), held=held)


def check_sandbox(settings: ToolSettings) -> Iterator[Finding]:
    """Say what Python of models runs in, and programs of others."""
    wasm = Path(settings.sandbox_wasm).expanduser()
    try:
        level = chosen(settings.sandbox, levels(wasm=wasm, image=settings.sandbox_image))
        yield ok(f"sandbox: python_code runs in {level.name}")
    except NoBoundary as error:
        if settings.sandbox == "off":
            yield ok("sandbox: python_code is off, as AGENT_SANDBOX says")
        else:
            yield warn(
                f"python_code is off: {error}", "see docs/sandbox.md, or set another AGENT_SANDBOX"
            )
    if why := why_no_bwrap():
        what = (
            "MCP servers and isolated tools run as child processes with limits, without a sandbox"
        )
        yield warn(f"{what} ({why})", "install bubblewrap (Linux)")
    else:
        yield ok("sandbox: MCP servers and isolated tools run behind bubblewrap")


def _ended(ran: Ran) -> str:
    return "it ran to the end" if isinstance(ran, Finished) else told(ran)
