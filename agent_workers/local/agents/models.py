"""What a process here knows of models: the price table's, and those that `models.yaml` names."""

import os
from contextlib import AbstractContextManager
from pathlib import Path

from agent_workers.domain.memory.embedding import Embedder
from agent_workers.execution.models.embedders import embedder_of
from agent_workers.execution.models.named.catalog import ModelCatalog, catalog_of
from agent_workers.execution.models.ports import Model
from agent_workers.execution.models.scripted.recording import real_models
from agent_workers.settings import Settings, load_settings, secret_places


def catalog_here(settings: Settings) -> ModelCatalog:
    """Read `models.yaml` and look for its keys, or raise what is wrong with it."""
    return catalog_of(settings.models_file, os.environ)


def embedder_here(settings: Settings, catalog: ModelCatalog | None = None) -> Embedder:
    known = catalog or catalog_here(settings)
    return embedder_of(settings.embedding_model, scenario=settings.scenario, catalog=known)


def real_models_here() -> AbstractContextManager[Model]:
    """Open the way to the models that a worker in this folder could ask."""
    settings = load_settings()
    return real_models(catalog_here(settings), *settings.scenario)


def hidden_places(settings: Settings, catalog: ModelCatalog | None = None) -> tuple[Path, ...]:
    """Name every place that nothing in a boundary may read, files of keys of models included."""
    return (*secret_places(settings), *(catalog or catalog_here(settings)).key_files)
