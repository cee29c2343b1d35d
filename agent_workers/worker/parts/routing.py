"""The tool router of one process, with where results are kept for all workers, if anywhere."""

from collections.abc import Sequence
from pathlib import Path

from agent_workers.domain.tools.facility import Give
from agent_workers.execution.agents.roster import Find
from agent_workers.execution.tools.router import ToolRouter
from agent_workers.transport.shared.model_cache import RedisAnswers
from agent_workers.transport.shared.model_redis import AwayOrNot
from agent_workers.transport.shared.tool_answers import RedisToolAnswers


def tool_router(
    redis_url: str, find: Find, give: Give, *, hides: Sequence[Path], pepper: str
) -> ToolRouter:
    """Assemble the router; without Redis nothing is remembered, and every call is made."""
    if not redis_url:
        return ToolRouter(find, give=give, hides=hides)
    redis = AwayOrNot(redis_url)
    answers, results = RedisToolAnswers(redis, pepper=pepper), RedisAnswers(redis, pepper=pepper)
    return ToolRouter(find, answers, give, results, hides)
