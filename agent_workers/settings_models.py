"""Settings of models: their file, what providers take in a minute, and scripts of the offline one."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.models.quota import Quota, read_quotas
from agent_workers.settings_tools import ToolSettings


class ModelsSettings(ToolSettings):
    """The part of the settings that is about models."""

    # What names models, with their addresses, keys and prices.
    models: Path | None = None
    scenario: Annotated[tuple[Path, ...], NoDecode] = ()
    # JSON: {"openai": {"requests_per_minute": 500, "tokens_per_minute": 200000}, "openai/gpt-5": …}
    model_quotas: Annotated[dict[str, Quota], NoDecode] = Field(default_factory=dict)

    @property
    def models_file(self) -> Path | None:
        """The file that names models: the one that is set, or `models.yaml` if it is here."""
        here = Path("models.yaml")
        return self.models or (here if here.is_file() else None)

    @field_validator("models", mode="before")
    @classmethod
    def _no_file(cls, value: object) -> object:
        return value or None  # `Path("")` would be this folder

    @field_validator("model_quotas", mode="before")
    @classmethod
    def _a_minute(cls, value: object) -> object:
        try:
            written = json.loads(value or "{}") if isinstance(value, str) else value
            return read_quotas(written) if isinstance(written, dict) else written
        except (Misdeclared, ValueError) as error:
            raise ValueError(f"is not JSON of quotas: {error}") from None
