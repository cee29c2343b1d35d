"""Runs a program: why it could not go on is one line, and an exit code that says what may help."""

import sys
from collections.abc import Callable

import structlog

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.running.exits import exit_code_of
from agent_workers.observability.logs import scrubbed

log = structlog.get_logger(__name__)


def run_program(name: str, run: Callable[[], int | None]) -> int:
    """Return the exit code of a program; nothing that ends it goes unsaid."""
    try:
        return run() or 0
    except AgentWorkersError as error:
        said = scrubbed(" ".join(str(error).split()))
        print(f"agent-workers {name}: {said}", file=sys.stderr)  # noqa: T201 (for people, too)
        return exit_code_of(error)
    except Exception:
        if not structlog.is_configured():
            raise
        log.exception("program_broke", program=name)
        return 1
