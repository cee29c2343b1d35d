"""Which level runs code: what was asked for, the best there is, or none; never a weaker one."""

import pytest

from agent_workers.domain.tools.facility import NotInstalled
from agent_workers.execution.sandbox.levels import Level, chosen
from agent_workers.execution.sandbox.ports import NoBoundary
from agent_workers.execution.sandbox.python.monty import MontySandbox
from agent_workers.settings_tools import ToolSettings
from agent_workers.worker.parts.facilities import sandbox_of


def level(name: str, missing: str = "", *, holds: bool = True) -> Level:
    return Level(
        name=name, what="", why_not=lambda: missing, make=MontySandbox, holds_strangers=holds
    )


def test_the_best_that_is_there_is_taken() -> None:
    known = (level("monty", "no binary"), level("wasm"), level("bwrap"))
    assert chosen("auto", known).name == "wasm"


def test_what_is_asked_for_and_missing_is_not_replaced() -> None:
    with pytest.raises(NoBoundary, match="AGENT_SANDBOX is bwrap, but it is not installed"):
        chosen("bwrap", (level("monty"), level("bwrap", "it is not installed")))


def test_bounds_alone_hold_no_strangers() -> None:
    with pytest.raises(NoBoundary, match="no sandbox works here"):
        chosen("auto", (level("monty", "gone"), level("process", holds=False)))


def test_off_is_off() -> None:
    with pytest.raises(NotInstalled, match="AGENT_SANDBOX is off"):
        sandbox_of(ToolSettings(sandbox="off"), ())
