"""The ports that a system listens on: those that somebody chose, else free ones where ours are taken."""

from collections.abc import Callable
from contextlib import ExitStack

from agent_workers.domain.exits import Away
from agent_workers.embedded.ports import RELEASE_PATIENCE_S, claimed, free_port, port_is_free
from agent_workers.embedded.processes import wait_until
from agent_workers.settings import PREFIX, Settings


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
        raise Away(
            f"{what}: port {wanted} is taken; stop what holds it (`lsof -i :{wanted}` tells), or choose "
            f"another with {PREFIX}{name.upper()} (`up --{what.lower()}-port`)"
        )
    found = free_port()
    say(f"port {wanted} is taken: {what} uses port {found}")
    return found


def _gets_free(port: int, patience_s: float) -> bool:
    return wait_until(lambda: port_is_free(port), patience_s)
