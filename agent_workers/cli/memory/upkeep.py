"""`memory reembed` and `memory index`: vectors of the model in use, and an index over them."""

import argparse
from typing import Final
from uuid import UUID

from agent_workers.cli.memory.place import Place
from agent_workers.domain.memory.memory import embedded_text
from agent_workers.state.memories.indexes import MemoryIndexes
from agent_workers.terminal.printing import counted

_AT_ONCE: Final = 64
_BEFORE_ALL: Final = ("", UUID(int=0))


def reembed(place: Place, _: argparse.Namespace) -> int:
    """Make vectors anew, of all tenants, a batch at a time: what was cut short goes on from there."""
    indexes, embedder = MemoryIndexes(place.database), place.embedder
    behind, renewed = _BEFORE_ALL, 0
    while found := indexes.stale(embedder.model, behind=behind, limit=_AT_ONCE):
        vectors = embedder.embed([embedded_text(one.subject, one.content) for one in found])
        renewed += indexes.renew(embedder.model, list(zip(found, vectors, strict=True)))
        behind = (found[-1].tenant_id, found[-1].memory_id)
        memories = counted(renewed, "memory", "memories")
        print(f"recomputed the vectors of {memories} with {embedder.model}", flush=True)
    if not renewed:
        print(f"all vectors are from {embedder.model}; nothing to do")
    return 0


def index(place: Place, _: argparse.Namespace) -> int:
    """Make the index over the vectors of the model in use, of all tenants."""
    made = MemoryIndexes(place.database).make(place.embedder.model)
    print(f"built the index {made} on the vectors of {place.embedder.model}")
    return 0
