"""Settings, read once by a composition root from AGENT_* variables, files and `.env`."""

import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from agent_workers.domain.errors import AgentWorkersError, Misdeclared
from agent_workers.domain.models.quota import Quota, read_quotas
from agent_workers.domain.step import Lane
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


PREFIX = "AGENT_"
MCP_PREFIX = "MCP_"
_POSTGRES = {"postgresql", "postgres", "postgresql+psycopg"}
_REDIS = {"redis", "rediss", "redis+socket"}
_BROKERS = _REDIS | {"amqp", "amqps", "pyamqp"}
Port = Annotated[int, Field(ge=0, le=65_535)]


class SettingsWrong(AgentWorkersError):
    """A setting is missing or wrong; the message is one line that says which, and how to mend it."""

    code = "settings_wrong"
    exit_code = 2


class Settings(ModelsSettings, LogSettings):
    """Everything that may differ between two installations. An empty string means: not set."""

    # hide_input: a wrong value may hold a password.
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    env: Literal["production", "development", "test"] = "production"
    data_folder: Path = Path(".agent-workers")
    start_wait_s: float = Field(default=60, ge=0, le=3_600)  # for Postgres, at the start
    spill_dir: Path | None = None  # for evidence that cannot be written while Postgres is away

    database_url: str = Field(default="", repr=False)
    direct_database_url: str = Field(default="", repr=False)  # past a pooler, for dead-man locks
    db_pool_size: int = Field(default=10, ge=2, le=500)
    broker_url: str = Field(default="", repr=False)
    redis_url: str = Field(default="", repr=False)
    ingest_url: str = Field(default="", repr=False)  # whose events are taken in
    relay_url: str = Field(default="", repr=False)  # where our journal is published

    api_host: str = "127.0.0.1"
    api_port: Port = 8000
    api_connections: int = Field(default=2_048, ge=1, le=100_000)
    api_connections_per_address: int = Field(default=0, ge=0, le=100_000)  # 0: half of all
    api_streams_per_tenant: int = Field(default=256, ge=1, le=100_000)
    shutdown_grace_s: int = Field(default=10, ge=1, le=600)
    # Mixed into the hashes of API keys and signs cursors: changing it ends every key.
    secret_pepper: str = Field(default="", repr=False)

    tools: Annotated[tuple[str, ...], NoDecode] = ()
    lanes: Annotated[tuple[Lane, ...], NoDecode] = tuple(Lane)
    pool: Literal["threads", "prefork", "solo"] = "threads"
    concurrency: int = Field(default=0, ge=0, le=10_000)  # 0: what suits the pool
    worker_name: str = ""  # in Flower; empty: lanes, process and host
    task_events: bool = True
    remote_control: bool = False  # Celery's: whoever can write to the broker commands the workers

    # For development only: webhooks may go to http:// and to addresses that are not public.
    allow_private_webhooks: bool = False
    webhook_timeout_s: float = Field(default=15, ge=0.1, le=30)
    webhook_slots: int = Field(default=64, ge=1, le=1_000)  # deliveries at once in one process
    webhook_target_slots: int = Field(default=4, ge=1, le=100)  # to one endpoint, everywhere

    flower_address: str = "127.0.0.1"
    flower_port: Port = 5555
    flower_user: str = "admin"
    flower_password: str = Field(default="", repr=False)
    flower_read_only: bool = True
    flower_url: str = ""  # where people reach it; shown beside steps

    @model_validator(mode="before")
    @classmethod
    def _derived(cls, values: dict[str, Any]) -> dict[str, Any]:
        """A direct URL defaults to the URL, wake-ups to a broker that is a Redis."""
        database, broker = values.get("database_url"), values.get("broker_url")
        if database and not values.get("direct_database_url"):
            values["direct_database_url"] = database
        if isinstance(broker, str) and _scheme(broker) in _REDIS and not values.get("redis_url"):
            values["redis_url"] = broker
        return values

    @field_validator("tools", "lanes", "scenario", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(",") if word.strip())
        return value

    @field_validator("spill_dir", mode="before")
    @classmethod
    def _no_folder(cls, value: object) -> object:
        return value or None  # `Path("")` would be this folder

    @field_validator("database_url", "direct_database_url")
    @classmethod
    def _a_postgres(cls, url: str) -> str:
        return _of_scheme(url, _POSTGRES)

    @field_validator("broker_url", "ingest_url", "relay_url")
    @classmethod
    def _a_broker(cls, url: str) -> str:
        return _of_scheme(url, _BROKERS)

    @field_validator("redis_url")
    @classmethod
    def _a_redis(cls, url: str) -> str:
        return _of_scheme(url, _REDIS)

    @field_validator("secret_pepper")
    @classmethod
    def _long_enough(cls, pepper: str) -> str:
        if pepper and len(pepper) < 16:  # noqa: PLR2004 (the message says it)
            raise ValueError("must be at least 16 characters")
        return pepper

    @property
    def spill_folder(self) -> Path:
        """Where evidence waits on disk: every worker process of a host reads the same."""
        return self.spill_dir or self.data_folder / "evidence"

    @property
    def spill_secret(self) -> str:
        """What signs it: the pepper, or for workers without one what only our processes know too."""
        return self.secret_pepper or self.database_url

    def demand(self, *names: str) -> None:
        """Refuse to go on without these."""
        for name in names:
            if not getattr(self, name):
                variable = PREFIX + name.upper()
                raise SettingsWrong(
                    f"{variable} is not set: set it, or name a file that holds it in {variable}_FILE"
                    " (docs/configuration.md lists all settings)"
                )


_NAMES = tuple(Settings.model_fields)


def load_settings(**given: object) -> Settings:
    """Read the settings; what is `given` by name, say from a command line, wins."""
    development = os.environ.get(f"{PREFIX}ENV") == "development"
    secrets = _secrets_folder()
    try:
        return Settings(
            _env_file=".env" if development else None,
            _secrets_dir=secrets,
            **(_from_files() | given),  # type: ignore[arg-type]  # pydantic checks them
        )
    except ValidationError as error:
        raise SettingsWrong(_one_line(error)) from None
    except SettingsError as error:
        raise SettingsWrong(str(error).splitlines()[0]) from None


def secret_places(settings: Settings) -> tuple[Path, ...]:
    """Name every place of ours that holds secrets: nothing that runs in a boundary may read it."""
    named = [f"{PREFIX}SECRETS_DIR", *(f"{PREFIX}{one.upper()}_FILE" for one in _NAMES)]
    given = [Path(place) for name in named if (place := os.environ.get(name))]
    return tuple(
        place.absolute()
        for place in (settings.data_folder, settings.spill_folder, Path(".env"), *given)
    )


def mcp_secrets() -> dict[str, str]:
    """Read what MCP servers may be given: the variables of this process named MCP_…"""
    return {name: value for name, value in os.environ.items() if name.startswith(MCP_PREFIX)}


def _secrets_folder() -> str | None:
    folder = os.environ.get(f"{PREFIX}SECRETS_DIR")
    if folder and not Path(folder).is_dir():
        raise SettingsWrong(f"{PREFIX}SECRETS_DIR: no such folder: {folder!r}")
    return folder or None


def _from_files() -> dict[str, object]:
    found: dict[str, object] = {}
    for name in _NAMES:
        variable = f"{PREFIX}{name.upper()}_FILE"
        path = os.environ.get(variable)
        if not path:
            continue
        if os.environ.get(variable.removesuffix("_FILE")):
            raise SettingsWrong(f"{variable} and {variable[:-5]} are both set: unset one of them")
        try:
            found[name] = Path(path).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsWrong(f"{variable}: cannot read {path!r}: {error}") from None
    return found


def _one_line(error: ValidationError) -> str:
    lines = []
    for mistake in error.errors(include_input=False, include_url=False):
        name = PREFIX + "_".join(str(part) for part in mistake["loc"][:1]).upper()
        lines.append(f"{name}: {mistake['msg'].removeprefix('Value error, ')}")
    return "; ".join(lines)


def _scheme(url: str) -> str:
    return url.partition(":")[0].lower()


def _of_scheme(url: str, schemes: set[str]) -> str:
    if not url:
        return url
    if _scheme(url) not in schemes:
        raise ValueError(f"must be a URL that begins with one of {', '.join(sorted(schemes))}")
    try:
        _port = urlsplit(url).port
    except ValueError:
        raise ValueError("is not a URL: its host or port cannot be read") from None
    return url
