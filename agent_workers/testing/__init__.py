"""What users test their tools and agents with; the engine is loaded when a test asks for it."""

from importlib import import_module

__all__ = ["FakeClock", "JobSeen", "RunningJob", "job", "run_job"]
_PLACES = {
    "FakeClock": "agent_workers.testing.clock",
    "JobSeen": "agent_workers.testing.seen",
    "RunningJob": "agent_workers.testing.jobs",
    "job": "agent_workers.testing.jobs",
    "run_job": "agent_workers.testing.jobs",
}


def __getattr__(name: str) -> object:
    """Load what is asked for: pytest imports this package for everybody who has it installed."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
