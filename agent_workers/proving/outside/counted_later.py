"""The counted agent after a deploy: whatever acts outside needs one argument more than before."""

from dataclasses import replace

from agent_workers.domain.tools.tool import Call, Tool
from agent_workers.proving.outside import counted as before


def _later(tool: Tool) -> Tool:
    if tool.effect.leaves_no_mark:
        return tool

    def act(counter: str, subject: str, currency: str, note: str = "", *, call: Call) -> str:
        """Let something happen outside, in a currency."""
        raise AssertionError((counter, subject, currency, note, call))

    return replace(tool, function=act)


_TOOLS = [_later(one) for one in before.counted.tools if isinstance(one, Tool)]
counted = replace(before.counted, tools=_TOOLS)
