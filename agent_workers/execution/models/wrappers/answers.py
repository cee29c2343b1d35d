"""Answers as bytes for the cache: only whole and usable ones are written."""

import json
from contextlib import suppress

from agent_workers.domain.budget import NO_USAGE
from agent_workers.domain.text.encoding import canonical
from agent_workers.execution.models.values import ModelReply, ModelRequest, ToolCallWish


def written_answer(reply: ModelReply, request: ModelRequest) -> bytes | None:
    """Write an answer that may be given again; None: it is cut, refused, or not what was asked."""
    if reply.finish_reason not in {"stop", "tool_calls"} or not _is_usable(reply, request):
        return None
    with suppress(ValueError):  # NaN or half a surrogate pair: it will be sent back anyway
        return canonical(
            {
                "text": reply.text,
                "calls": [[call.id, call.name, call.arguments_json] for call in reply.tool_calls],
                "finish_reason": reply.finish_reason,
                "model": reply.model,
                "price_version": reply.price_version,
            }
        )
    return None


def read_answer(written: bytes) -> ModelReply:
    """Read what `written_answer` wrote; it costs nothing now."""
    said = json.loads(written)
    return ModelReply(
        text=said["text"],
        tool_calls=tuple(
            ToolCallWish(id=call_id, name=name, arguments_json=arguments)
            for call_id, name, arguments in said["calls"]
        ),
        usage=NO_USAGE,
        price_version=said["price_version"],
        finish_reason=said["finish_reason"],
        model=said["model"],
    )


def _is_usable(reply: ModelReply, request: ModelRequest) -> bool:
    if reply.tool_calls:
        known = {tool.name for tool in request.tools}
        return all(
            call.name in known and isinstance(_json(call.arguments_json), dict)
            for call in reply.tool_calls
        )
    if request.response_schema is not None:
        return isinstance(_json(reply.text), dict)
    return bool(reply.text.strip())


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
