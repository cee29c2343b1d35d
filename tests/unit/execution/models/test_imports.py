"""What must not load litellm, seen in a fresh interpreter."""

import subprocess
import sys

import pytest

HEAVY = ("litellm", "openai", "mcp", "tiktoken")


@pytest.mark.parametrize(
    "imported",
    [
        "agent_workers",
        "agent_workers.domain.agents.agent, agent_workers.domain.step, agent_workers.domain.tools.tool",
        "api",
        "api.app",
        "agent_workers.execution.models.litellm.gateway",
        "agent_workers.execution.models.litellm.loading",
        "agent_workers.execution.models.scripted.provider",
        "agent_workers.execution.planner.by_model, agent_workers.execution.evaluator.by_model",
    ],
)
def test_importing_loads_no_model_library(imported) -> None:
    program = f"import sys, {imported}; print([m for m in {HEAVY!r} if m in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout.strip() == "[]"
