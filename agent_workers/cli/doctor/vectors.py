"""Checks of what finds texts by their meaning: pgvector, the embedding model, and its vectors."""

from collections.abc import Iterator, Mapping

from agent_workers.domain.errors import FacilityError
from agent_workers.execution.models.embedders import OFFLINE
from agent_workers.execution.models.named.configured import problems_of_models
from agent_workers.local.agents.models import catalog_here, embedder_here
from agent_workers.settings import Settings
from agent_workers.state.database.engine import Database
from agent_workers.state.knowledge.vectors import version_of_vectors
from agent_workers.state.memories.indexes import MemoryIndexes
from agent_workers.terminal.findings import Finding, fail, ok, warn
from agent_workers.terminal.printing import counted

_OTHER_MODEL = (
    "correct AGENT_EMBEDDING_MODEL or set its key where workers run; after a change of the model run "
    "`agent-workers memory reembed`"
)


def check_vectors(
    settings: Settings, database: Database, *, calls: bool = True
) -> Iterator[Finding]:
    """Judge whether recall and knowledge search would work; no provider is asked.

    `calls`: judge the key of the model here, because no running worker says whether it has it.
    """
    yield pgvector(version_of_vectors(database))
    name = settings.embedding_model
    catalog = catalog_here(settings)
    problems = [] if name in OFFLINE else problems_of_models([name], catalog)
    for problem in problems if calls else ():
        yield fail(f"AGENT_EMBEDDING_MODEL: {problem}", _OTHER_MODEL)
    by_model = MemoryIndexes(database).models()
    if by_model and not problems:
        yield _of_model(settings, by_model)


def pgvector(version: str | None) -> Finding:
    if version is None:
        remedy = "install it and run `create extension vector`, or recall cannot search"
        return warn("the database has no pgvector", remedy)
    return ok(f"pgvector {version}")


def vectors(model: str, by_model: Mapping[str, int]) -> Finding:
    """Judge which vectors can be searched: those of the model in use."""
    others = sum(count for name, count in by_model.items() if name != model)
    if others:
        remedy = "run `agent-workers memory reembed`; until then recall does not find these"
        return warn(
            f"{counted(others, 'memory', 'memories')} with vectors of another model than {model}",
            remedy,
        )
    return ok(f"all memory vectors are from {model}")


def _of_model(settings: Settings, by_model: Mapping[str, int]) -> Finding:
    try:
        embedder = embedder_here(settings)
        return vectors(embedder.model, by_model)
    except FacilityError as error:
        return fail(f"embedding: {error}", _OTHER_MODEL)
