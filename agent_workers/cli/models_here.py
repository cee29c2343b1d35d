"""What the command line knows of models: the price table's, and those that `models.yaml` names."""

import os
from pathlib import Path

from agent_workers.domain.embedding import Embedder
from agent_workers.execution.models.catalog import ModelCatalog, catalog_of
from agent_workers.execution.models.embedders import embedder_of
from agent_workers.settings import Settings, secret_places


def catalog_here(settings: Settings) -> ModelCatalog:
    """Read `models.yaml` and look for its keys, or raise what is wrong with it."""
    return catalog_of(settings.models_file, os.environ)


def embedder_here(settings: Settings) -> Embedder:
    catalog = catalog_here(settings)
    return embedder_of(settings.embedding_model, scenario=settings.scenario, catalog=catalog)


def hidden_places(settings: Settings) -> tuple[Path, ...]:
    """Name every place that nothing in a boundary may read, files of keys of models included."""
    return (*secret_places(settings), *catalog_here(settings).key_files)
