"""Where this process runs code that models wrote: the level that the settings and the machine allow."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from agent_workers.domain.facility import Made, NotInstalled
from agent_workers.execution.sandbox.levels import chosen, levels
from agent_workers.execution.sandbox.ports import CodeRunner, NoBoundary, Sandbox
from agent_workers.settings import Settings, secret_places


def code(settings: Settings) -> Mapping[type, Made]:
    """Return the facility of `python_code`; nothing is tried before it is asked for."""
    sandbox = cache(lambda: sandbox_of(settings))
    return {CodeRunner: lambda _: sandbox()}


def sandbox_of(settings: Settings) -> Sandbox:
    wasm = Path(settings.sandbox_wasm).expanduser()
    hides = secret_places(settings)
    try:
        known = levels(wasm=wasm, image=settings.sandbox_image, hides=hides)
        return chosen(settings.sandbox, known).make()
    except NoBoundary as error:
        raise NotInstalled(str(error)) from None
