"""Settings of what a process says of itself."""

from typing import Annotated, Literal, TypedDict

from pydantic import field_validator
from pydantic_settings import BaseSettings, NoDecode


class LogTerms(TypedDict):
    """What `set_up_logs` is told."""

    level: str
    json: bool
    libraries: tuple[str, ...]


class LogSettings(BaseSettings):
    """The part of the settings that is about logs."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_json: bool = True
    log_requests: bool = True  # false: only those that the API could not answer
    log_libraries: Annotated[tuple[str, ...], NoDecode] = ()  # whose DEBUG is wanted, too

    @field_validator("log_level", mode="before")
    @classmethod
    def _shouted(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("log_libraries", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(",") if word.strip())
        return value

    @property
    def logs(self) -> LogTerms:
        """How this process logs."""
        return {"level": self.log_level, "json": self.log_json, "libraries": self.log_libraries}
