"""A worker as the product starts it, whose watchdog waits two seconds instead of forty-five."""

import sys

from agent_workers.execution.agents.registry import load
from agent_workers.local.agents.models import catalog_here
from agent_workers.observability.logs import set_up_logs
from agent_workers.settings import load_settings
from agent_workers.worker.programs.main import consume, make_known

if __name__ == "__main__":
    settings = load_settings(pool=sys.argv[1], concurrency=2, lanes="plan,tool,evaluate")
    set_up_logs()
    registry = load(settings.tools)
    make_known(settings, registry)
    consume(settings, registry, catalog_here(settings), patience_s=2.0)
