"""The levels of the sandbox in the order in which they are preferred, and which one is used."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent_workers.execution.sandbox.confining.confined import Boundary, confine, why_no_bwrap
from agent_workers.execution.sandbox.ports import NoBoundary, Sandbox
from agent_workers.execution.sandbox.python.container import Container, engine_with
from agent_workers.execution.sandbox.python.cpython import ConfinedPython
from agent_workers.execution.sandbox.python.monty import MontySandbox, why_no_monty
from agent_workers.execution.sandbox.python.wasm import WasmSandbox, why_no_wasm


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One way to run a program, and whether it can be gone here."""

    name: str
    what: str
    # Nothing when it can be used; else what is missing.
    why_not: Callable[[], str]
    make: Callable[[], Sandbox]
    # A boundary for code that nobody has read; else only bounds for what is trusted.
    holds_strangers: bool = True


def levels(*, wasm: Path, image: str, hides: Sequence[Path] = ()) -> tuple[Level, ...]:
    """Return every level, the preferred ones first; in none can a program read `hides`."""
    return (
        Level(
            name="monty",
            what="a Python in Rust: no files, network, processes or C; most of the language",
            why_not=why_no_monty,
            make=lambda: MontySandbox(hides=hides),
        ),
        Level(
            name="wasm",
            what="CPython 3.12 as WebAssembly: the whole standard library, no access to this machine",
            why_not=lambda: why_no_wasm(wasm),
            make=lambda: WasmSandbox(place=wasm, hides=hides),
        ),
        Level(
            name="bwrap",
            what="CPython on an empty machine of its own: namespaces, seccomp, its own user",
            why_not=why_no_bwrap,
            make=lambda: ConfinedPython(boundary=Boundary.BWRAP, hides=hides),
        ),
        Level(
            name="container",
            what="CPython in a container without network or privileges",
            why_not=lambda: _why_no_container(image),
            make=lambda: Container(image=image, engine=engine_with(image)),
        ),
        Level(
            name="process",
            what="CPython in a child process with bounds, for trusted tools only",
            why_not=_why_no_process,
            make=lambda: ConfinedPython(boundary=Boundary.PROCESS, hides=hides),
            holds_strangers=False,
        ),
    )


def chosen(name: str, known: tuple[Level, ...]) -> Level:
    """Return the level of the setting; what was asked for is never replaced by something weaker."""
    if name == "off":
        raise NoBoundary("code is not run here: AGENT_SANDBOX is off")
    if name != "auto":
        level = next(one for one in known if one.name == name)
        if why := level.why_not():
            raise NoBoundary(f"code is not run here: AGENT_SANDBOX is {name}, but {why}")
        return level
    wrong = []
    for level in (one for one in known if one.holds_strangers):
        why = level.why_not()
        if not why:
            return level
        wrong.append(f"{level.name}: {why}")
    raise NoBoundary(f"code is not run here, because no sandbox works here ({'; '.join(wrong)})")


def _why_no_container(image: str) -> str:
    try:
        engine_with(image)
    except NoBoundary as error:
        return str(error)
    return ""


def _why_no_process() -> str:
    try:
        confine([sys.executable, "-c", ""], boundary=Boundary.PROCESS)
    except NoBoundary as error:
        return str(error)
    return ""
