"""The levels that this machine has, each with bounds that are soon reached."""

import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from agent_workers.execution.sandbox.confining.confined import Boundary, why_no_bwrap
from agent_workers.execution.sandbox.levels import levels
from agent_workers.execution.sandbox.ports import KIB, MIB, Bounds, Program, Ran, Sandbox
from agent_workers.execution.sandbox.python.cpython import ConfinedPython
from agent_workers.execution.sandbox.python.monty import MontySandbox
from agent_workers.execution.sandbox.python.wasm import WasmSandbox, why_no_wasm
from agent_workers.settings_tools import ToolSettings
from tests.support.boundaries import why_no_boundary

BOUNDS = Bounds(wall=timedelta(seconds=20), memory=160 * MIB, output=32 * KIB)
SHORT = timedelta(milliseconds=500)
SOON = Bounds(wall=SHORT, memory=160 * MIB, output=32 * KIB)


@pytest.fixture(params=list(Boundary))
def boundary(request: pytest.FixtureRequest) -> Boundary:
    if request.param is Boundary.BWRAP and (why := why_no_bwrap()):
        pytest.skip(why)
    found: Boundary = request.param
    return found


def level(name: str) -> Sandbox:
    match name:
        case "monty":
            return MontySandbox()
        case "wasm":
            place = Path(ToolSettings.model_fields["sandbox_wasm"].default).expanduser()
            if why := why_no_boundary() or why_no_wasm(place):
                pytest.skip(why)
            return WasmSandbox(place=place)
        case "bwrap":
            if why := why_no_bwrap():
                pytest.skip(why)
            return ConfinedPython(boundary=Boundary.BWRAP)
        case _:
            return ConfinedPython(boundary=Boundary.PROCESS, python=_python_of_all())


@pytest.fixture(params=["monty", "wasm", "bwrap", "process"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return level(request.param)


@pytest.fixture(params=["bwrap", "process"])
def cpython(request: pytest.FixtureRequest) -> Sandbox:
    return level(request.param)


def run(
    sandbox: Sandbox,
    source: str,
    bounds: Bounds = BOUNDS,
    given: Mapping[str, object] | None = None,
) -> Ran:
    return sandbox.run(Program(source=source, given=given or {}), bounds)


def _python_of_all() -> str:
    """Find an interpreter that a user of its own may run: ours may be in a home folder."""
    if sys.platform != "linux":
        pytest.skip("the bounds of a child process are those of Linux")
    known = next(one for one in levels(wasm=Path(), image="") if one.name == "process")
    if not known.why_not():
        return ConfinedPython(boundary=Boundary.PROCESS).python
    if not Path("/usr/bin/python3").exists():
        pytest.skip("no interpreter here that another user may run")
    return "/usr/bin/python3"
