"""What a worker knows of models when it starts, and says of those that it cannot ask."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import structlog

from agent_workers.domain.memory.embedding import Embedder
from agent_workers.execution.models.embedders import embedder_of
from agent_workers.execution.models.named.catalog import ModelCatalog, catalog_of
from agent_workers.execution.models.named.configured import states_of_models
from agent_workers.observability.logs import set_up_logs
from agent_workers.settings import Settings, environment, secret_places

log = structlog.get_logger(__name__)


def catalog_here(settings: Settings) -> ModelCatalog:
    """Read `models.yaml` and look for its keys, or raise what is wrong with it."""
    return catalog_of(settings.models_file, environment())


def embedder_here(settings: Settings) -> Embedder:
    catalog = catalog_here(settings)
    return embedder_of(settings.embedding_model, scenario=settings.scenario, catalog=catalog)


def hidden_places(settings: Settings) -> tuple[Path, ...]:
    """Name every place that nothing in a boundary may read, files of keys of models included."""
    return (*secret_places(settings), *catalog_here(settings).key_files)


def logs_of(settings: Settings) -> Callable[[], None]:
    """Return what sets up the logs of a worker: no key of a model is ever in them."""
    secrets = catalog_here(settings).secrets
    return partial(set_up_logs, **settings.logs, secrets=secrets)


def warn_of_models(settings: Settings, used: Iterable[str]) -> None:
    """Say which models of the file and of agents would fail; a worker serves the others."""
    catalog = catalog_here(settings)
    for state in states_of_models(catalog, (*catalog.named.models, *used)):
        if state.problem:
            remedy = "agent-workers doctor checks them all"
            log.warning("model_cannot_be_asked", model=state.name, why=state.problem, remedy=remedy)
