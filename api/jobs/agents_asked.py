"""Whether new jobs may be submitted for the agents that a request names."""

from agent_workers.state.jobs.submissions import Pace
from api.problems import invalid


def taking_jobs(pace: Pace | None, agent: str, *, pointer: str, nearest: str = "") -> Pace:
    """Return what is known of an agent, or refuse the request that names it."""
    code, why = Pace.objection(pace, agent)
    if code or pace is None:
        hint = f"; {nearest}" if nearest else "."
        raise invalid(f"{why[:1].upper()}{why[1:]}{hint}", pointer=pointer, code=code)
    return pace
