"""Where this process runs code that models wrote: the level that the settings and the machine allow."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from agent_workers.domain.tools.facility import Made, NotInstalled
from agent_workers.execution.sandbox.levels import chosen, levels
from agent_workers.execution.sandbox.ports import CodeRunner, NoBoundary, Sandbox
from agent_workers.settings_tools import ToolSettings


def code(settings: ToolSettings, hides: Sequence[Path]) -> Mapping[type, Made]:
    """Return the facility of `python_code`; nothing is tried before it is asked for."""
    sandbox = cache(lambda: sandbox_of(settings, hides))
    return {CodeRunner: lambda _: sandbox()}


def sandbox_of(settings: ToolSettings, hides: Sequence[Path]) -> Sandbox:
    wasm = Path(settings.sandbox_wasm).expanduser()
    try:
        known = levels(wasm=wasm, image=settings.sandbox_image, hides=hides)
        return chosen(settings.sandbox, known).make()
    except NoBoundary as error:
        raise NotInstalled(str(error)) from None
