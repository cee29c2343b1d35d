"""The ports that a system listens on: those that somebody chose, else free ones where ours are taken."""

import os
from collections.abc import Callable
from contextlib import ExitStack

from agent_workers.domain.running.exits import Away, WronglyTold
from agent_workers.embedded.ports import RELEASE_PATIENCE_S, claimed, free_port, port_is_free
from agent_workers.embedded.processes import wait_until
from agent_workers.settings import PREFIX, Settings

_FIRST_OF_EVERYBODY = 1024


def port_of(what: str, settings: Settings, *, held: ExitStack, say: Callable[[str], None]) -> int:
    """Return the port of the API or of Flower; one that was chosen is never replaced."""
    name = f"{what.lower()}_port"
    wanted: int = getattr(settings, name)
    if not wanted:
        return free_port()
    is_chosen = name in settings.model_fields_set
    is_ours = claimed(wanted, held)
    if is_ours and _gets_free(wanted, RELEASE_PATIENCE_S if is_chosen else 0.0):
        return wanted
    if is_chosen:
        other = f"choose another with {PREFIX}{name.upper()} (`up --{what.lower()}-port`)"
        if wanted < _FIRST_OF_EVERYBODY and os.geteuid():
            raise WronglyTold(f"{what}: port {wanted} is for root, as all below 1024: {other}")
        raise Away(
            f"{what}: port {wanted} is taken; stop what uses it (`lsof -i :{wanted}` shows what),"
            f" or {other}"
        )
    found = free_port()
    say(f"port {wanted} is taken: {what} uses port {found}")
    return found


def _gets_free(port: int, patience_s: float) -> bool:
    return wait_until(lambda: port_is_free(port), patience_s)
