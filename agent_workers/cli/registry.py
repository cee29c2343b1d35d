"""The agents and tools that a worker with these settings would have."""

from agent_workers.execution.agents.registry import Registry, load
from agent_workers.execution.tools.builtins import tools_at_hand
from agent_workers.settings import Settings


def registry_of(settings: Settings) -> Registry:
    """Load what the settings name, beside what every installation has."""
    return load(settings.tools, beside=tools_at_hand(checks_mail=bool(settings.imap_url)))
