"""How memories look over the wire."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from agent_workers.domain.ids import MEMORY_ID, to_wire
from agent_workers.domain.memory.memory import Memory
from api.http.json_text import instant, text
from api.http.shapes import Count, Instant, JobIdText, MemoryId, page_of


class MemorySourceReply(TypedDict):
    """The step that was told to remember it."""

    job_id: JobIdText
    position: Count


class MemoryReply(TypedDict):
    """What an agent was told to remember about a user."""

    object: Literal["memory"]
    id: MemoryId
    user_id: str
    subject: str
    content: str
    confidence: Annotated[float, Field(gt=0, le=1)]
    model: str
    source: MemorySourceReply
    created_at: Instant
    expires_at: Instant | None
    superseded_by: MemoryId | None
    superseded_at: Instant | None


class MemoryWithReplacedReply(MemoryReply):
    replaced: list[MemoryReply]


class MemoriesRemovedReply(TypedDict):
    object: Literal["memories_removed"]
    removed: Count
    restored: Count


MemoryList = page_of("MemoryList", MemoryReply)


def memory_text(memory: Memory) -> str:
    return f"{{{_members(memory)}}}"


def with_replaced(memory: Memory, replaced: Sequence[Memory]) -> str:
    """Write a memory with what it has replaced, the newest first."""
    joined = ",".join(memory_text(one) for one in replaced)
    return f'{{{_members(memory)},"replaced":[{joined}]}}'


def _members(memory: Memory) -> str:
    heir = memory.superseded_by
    return (
        f'"object":"memory","id":"{MEMORY_ID.written(memory.memory_id)}",'
        f'"user_id":{text(memory.user_id)},"subject":{text(memory.subject)},'
        f'"content":{text(memory.content)},"confidence":{round(memory.confidence, 6)},'
        f'"model":{text(memory.model)},'
        f'"source":{{"job_id":"{to_wire(memory.job_id)}","position":{memory.position}}},'
        f'"created_at":{instant(memory.created_at)},"expires_at":{instant(memory.expires_at)},'
        f'"superseded_by":{text(None if heir is None else MEMORY_ID.written(heir))},'
        f'"superseded_at":{instant(memory.superseded_at)}'
    )
