"""Jobs that teach: memories of one tenant's users, with vectors that a test can choose."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from agent_workers.domain.ids import JobId
from agent_workers.domain.memory.memory import Known, Lesson, New, Recollection, checked_lesson
from agent_workers.domain.tools.tool import Call
from agent_workers.state.memories.of_call import CallMemories
from agent_workers.state.memories.rows import MemoryRows, Which
from agent_workers.state.memories.search import MemorySearch
from tests.integration.state.world import World


@dataclass(frozen=True, slots=True)
class Turned:
    """Vectors by angle: texts whose angles are near are near."""

    degrees: Mapping[str, float]
    model: str = "turned"

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        angles = [math.radians(self.degrees[text.rpartition(": ")[2]]) for text in texts]
        return [[math.cos(angle), math.sin(angle)] for angle in angles]


# cos 20° = 0.94: near enough to supersede; cos 40° = 0.77, of coffee to green tea: not.
SAID = {
    "tea": 0.0,
    "table 7": 0.0,
    "table 8": 1.0,
    "green tea": 20.0,
    "white tea": 10.0,
    "coffee": 60.0,
    "Sofia": 120.0,
}


@dataclass
class School:
    world: World
    model: str = "turned"
    position: int = 0
    rows: MemoryRows = field(init=False)

    def __post_init__(self) -> None:
        self.rows = MemoryRows(self.world.database)

    def of(self, job: JobId, *, user: str = "ann", exact_up_to: int = 10_000) -> CallMemories:
        self.position += 1
        call = Call(
            key="k",
            tenant_id=self.world.tenant,
            job_id=job,
            position=self.position,
            attempt=1,
            user_id=user,
        )
        return CallMemories(
            search=MemorySearch(self.world.database, exact_up_to=exact_up_to),
            embedder=Turned(SAID, self.model),
            call=call,
            most_tokens=1_000,
        )

    def look(
        self,
        content: str,
        *,
        job: JobId | None = None,
        subject: str = "drink",
        user: str = "ann",
        days: int | None = None,
        corrects: UUID | None = None,
    ) -> Known | New:
        lesson = Lesson(content=content, subject=subject, days=days, corrects=corrects)
        return self.of(job or self.world.submit(), user=user).learn(checked_lesson(lesson))

    def write(self, new: Known | New) -> UUID:
        assert isinstance(new, New)
        with self.world.database.connection() as connection:
            connection.execute(new.statement.sql.encode(), new.statement.parameters)
        return new.memory_id

    def teach(self, content: str, **more: object) -> UUID:
        return self.write(self.look(content, **more))  # type: ignore[arg-type]

    def end(self, job: JobId) -> None:
        """Let a job be over: nothing of it can teach any more."""
        self.world.one(
            "select stop_job(tenant_id, job_id, 'failed', '{}', 'over', true) from jobs"
            " where job_id = %s",
            job,
        )

    def unlearn(self, job: JobId) -> tuple[int, int]:
        done = self.rows.unlearn_job(self.world.tenant, job)
        return done.removed, done.restored

    def known(self, user: str = "ann") -> list[str]:
        found = self.rows.page(self.world.tenant, Which(user_id=user), limit=100)
        return sorted(one.content for one in found.rows)

    def all(self) -> list[str]:
        found = self.rows.page(self.world.tenant, Which(history=True), limit=100)
        return sorted(one.content for one in found.rows)

    def recall(self, query: str = "tea", *, user: str = "ann") -> Recollection:
        return self.of(self.world.submit(), user=user).recall(query, limit=10)
