"""The list of built-in tools: an agent names those that it may use."""

from agent_workers.domain.tools.tool import Tool
from agent_workers.execution.agents.modules import installed_tools
from agent_workers.execution.tools.builtin.code import CODE_TOOLS
from agent_workers.execution.tools.builtin.http import HTTP_TOOLS
from agent_workers.execution.tools.builtin.knowledge import KNOWLEDGE_TOOLS
from agent_workers.execution.tools.builtin.mail import mail_tool
from agent_workers.execution.tools.builtin.memory import MEMORY_TOOLS
from agent_workers.execution.tools.builtin.sql import SQL_TOOLS
from agent_workers.execution.tools.builtin.workspace import WORKSPACE_TOOLS


def builtin_tools(*, checks_mail: bool = False) -> tuple[Tool, ...]:
    """Return the tools of this installation; `checks_mail`: sent mail can be looked up."""
    mail = mail_tool(checks_mail=checks_mail)
    plain = (*WORKSPACE_TOOLS, *HTTP_TOOLS, *SQL_TOOLS, *MEMORY_TOOLS, *KNOWLEDGE_TOOLS)
    return (*plain, mail, *CODE_TOOLS)


def tools_at_hand(*, checks_mail: bool = False) -> tuple[Tool, ...]:
    """Return what agents may name without AGENT_TOOLS: built-in tools, and those of packages."""
    return (*builtin_tools(checks_mail=checks_mail), *installed_tools())
