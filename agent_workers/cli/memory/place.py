"""What the verbs of `memory` work on, and how they read ids."""

from dataclasses import dataclass
from uuid import UUID

from agent_workers.domain.ids import MEMORY_ID, TenantId, from_wire
from agent_workers.domain.memory.embedding import Embedder
from agent_workers.state.database.engine import Database
from agent_workers.state.memories.rows import MemoryRows
from agent_workers.terminal.errors import WronglyAsked


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    database: Database
    rows: MemoryRows
    embedder: Embedder
    tenant_id: TenantId


def job_of(text: str) -> UUID:
    job_id = from_wire(text)
    if job_id is None:
        raise WronglyAsked(f"{text!r} is not the id of a job, which begins with job_")
    return job_id


def memory_of(text: str) -> UUID:
    memory_id = MEMORY_ID.read(text)
    if memory_id is None:
        raise WronglyAsked(f"{text!r} is not the id of a memory, which begins with mem_")
    return memory_id
