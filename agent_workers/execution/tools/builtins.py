"""The list of built-in tools: an agent names those that it may use."""

from agent_workers.domain.tool import Tool
from agent_workers.execution.tools.builtin.http import HTTP_TOOLS
from agent_workers.execution.tools.builtin.memory import MEMORY_TOOLS
from agent_workers.execution.tools.builtin.workspace import WORKSPACE_TOOLS


def builtin_tools(*, checks_mail: bool = False) -> tuple[Tool, ...]:
    """Return the tools of this installation; `checks_mail`: sent mail can be looked up."""
    del checks_mail
    return (*WORKSPACE_TOOLS, *HTTP_TOOLS, *MEMORY_TOOLS)
