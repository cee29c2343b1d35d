"""The memories that a tool may ask for: those of the calling job's user, and of nobody else."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from agent_workers.domain.errors import FacilityError
from agent_workers.domain.ids import MEMORY_ID, TenantId
from agent_workers.domain.memory.embedding import Embedder
from agent_workers.domain.memory.memory import NEAR, Known, Lesson, New, Recollection
from agent_workers.domain.tools.tool import Call, Statement
from agent_workers.state.memories.search import MemorySearch, Namespace

_REMEMBER = "select remember(%(memory)s::jsonb, %(replaces)s::uuid[], %(near)s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMemories:
    """Remembers for one call: the same call always makes the same memory."""

    search: MemorySearch
    embedder: Embedder
    call: Call
    most_tokens: int

    def learn(self, lesson: Lesson) -> Known | New:
        known = self.search.known(self._place, lesson.meaning_hash, days=lesson.days)
        if known is not None:
            return _known(known, lesson)
        if lesson.corrects is not None and not self.search.counts(self._place, lesson.corrects):
            wanted = MEMORY_ID.written(lesson.corrects)
            raise FacilityError(f"{wanted} is not a current memory of this user")
        vector = self.embedder.embed([lesson.to_embed])[0]
        memory_id = uuid5(self.call.job_id, f"memory:{self.call.position}")
        memory = json.dumps(self._written(lesson, memory_id, vector))
        replaces = self.search.replaced(memory, lesson.corrects)
        given = {"memory": memory, "replaces": replaces, "near": NEAR}
        return New(memory_id=memory_id, replaces=replaces, statement=Statement(_REMEMBER, given))

    def recall(self, query: str, *, limit: int) -> Recollection:
        vector = self.embedder.embed([query])[0]
        return self.search.nearest(self._place, self.embedder.model, vector, limit=limit)

    def _written(
        self, lesson: Lesson, memory_id: UUID, vector: Sequence[float]
    ) -> dict[str, object]:
        return {
            "tenant_id": self.call.tenant_id,
            "memory_id": str(memory_id),
            "user_id": self.call.user_id,
            "subject": lesson.subject,
            "content": lesson.content,
            "content_hash": f"\\x{lesson.meaning_hash.hex()}",
            "confidence": lesson.confidence,
            "days": lesson.days,
            "corrects": None if lesson.corrects is None else str(lesson.corrects),
            "model": self.embedder.model,
            "embedding": list(vector),
            "job_id": str(self.call.job_id),
            "position": self.call.position,
        }

    @property
    def _place(self) -> Namespace:
        return Namespace(tenant_id=TenantId(self.call.tenant_id), user_id=self.call.user_id)


def _known(memory_id: UUID, lesson: Lesson) -> Known:
    if lesson.corrects not in {None, memory_id}:
        same = MEMORY_ID.written(memory_id)
        raise FacilityError(f"exactly this is remembered already, as {same}: nothing is corrected")
    return Known(memory_id)
