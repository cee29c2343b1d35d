"""Checks of `models.yaml`: is it right, is every key there, does every address answer?"""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from urllib.parse import urlsplit

from agent_workers.domain.errors import Misdeclared
from agent_workers.execution.models.named.catalog import ModelCatalog
from agent_workers.execution.models.named.configured import ModelState, states_of_models
from agent_workers.execution.models.named.file import ModelsMisdeclared
from agent_workers.local.agents.models import catalog_here
from agent_workers.settings import Settings
from agent_workers.terminal.findings import Finding, fail, ok, warn
from agent_workers.terminal.printing import counted

_PATIENCE_S = 3.0
_PORTS = {"http": 80, "https": 443}
_NO_WORKER = "correct it: no worker starts with this"
_FROM_HERE = "is it running? it was tried from here; workers on other hosts may reach it"


def check_models(settings: Settings) -> Iterator[Finding]:
    """Judge every model of the file; no model is asked (`agent-workers models try` does)."""
    yield from _checked(settings, _each)


def check_addresses(settings: Settings) -> Iterator[Finding]:
    """Knock at the addresses alone: running workers have said which prices and keys they lack."""
    yield from _checked(settings, _from_here)


def _checked(
    settings: Settings, check: Callable[[ModelCatalog, str], Iterator[Finding]]
) -> Iterator[Finding]:
    if settings.models_file is None:
        return
    try:
        catalog = catalog_here(settings)
        catalog.quotas(settings.model_quotas)
    except ModelsMisdeclared as error:
        yield from (fail(line, _NO_WORKER) for line in error.lines)
    except Misdeclared as error:
        yield fail(str(error), _NO_WORKER)
    else:
        yield from check(catalog, str(settings.models_file))


def _each(catalog: ModelCatalog, file: str) -> Iterator[Finding]:
    states = states_of_models(catalog)
    wrong = [state for state in states if state.problem]
    for state in wrong:
        yield fail(state.problem, "its calls fail until then; see `agent-workers models list`")
    silent = _silent(states)
    yield from (fail(text, "is it running?") for text in silent)
    if not wrong and not silent:
        models = counted(len(states), "model")
        yield ok(f"{models} in {file}: prices and keys are there, addresses answer")


def _from_here(catalog: ModelCatalog, _: str) -> Iterator[Finding]:
    yield from (warn(text, _FROM_HERE) for text in _silent(states_of_models(catalog)))


def _silent(states: Sequence[ModelState]) -> list[str]:
    """Name each address that does not answer, with the models that are there."""
    names: dict[str, list[str]] = {}
    for one in states:
        names.setdefault(one.address, []).append(repr(one.name))
    return [
        f"the address of {', '.join(models)} does not answer: {address} ({why})"
        for address, models in names.items()
        if (why := why_silent(address))
    ]


def why_silent(address: str) -> str:
    """Connect to the address of a model; empty where it answers, or has none of its own."""
    if not address:
        return ""
    parts = urlsplit(address)
    place = (parts.hostname or "", parts.port or _PORTS[parts.scheme])
    try:
        with closing(socket.create_connection(place, _PATIENCE_S)):
            return ""
    except OSError as error:
        return str(error)
