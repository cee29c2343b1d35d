"""How memories look over the wire."""

from collections.abc import Sequence

from agent_workers.domain.ids import to_wire
from agent_workers.domain.memory.memory import Memory, memory_to_wire
from api.http.json_text import instant, text


def memory_text(memory: Memory) -> str:
    return f"{{{_members(memory)}}}"


def with_replaced(memory: Memory, replaced: Sequence[Memory]) -> str:
    """Write a memory with what it has replaced, the newest first."""
    joined = ",".join(memory_text(one) for one in replaced)
    return f'{{{_members(memory)},"replaced":[{joined}]}}'


def _members(memory: Memory) -> str:
    heir = memory.superseded_by
    return (
        f'"object":"memory","id":"{memory_to_wire(memory.memory_id)}",'
        f'"user_id":{text(memory.user_id)},"subject":{text(memory.subject)},'
        f'"content":{text(memory.content)},"confidence":{round(memory.confidence, 6)},'
        f'"model":{text(memory.model)},'
        f'"source":{{"job_id":"{to_wire(memory.job_id)}","position":{memory.position}}},'
        f'"created_at":{instant(memory.created_at)},"expires_at":{instant(memory.expires_at)},'
        f'"superseded_by":{text(None if heir is None else memory_to_wire(heir))},'
        f'"superseded_at":{instant(memory.superseded_at)}'
    )
