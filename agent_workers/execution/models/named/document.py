"""The shape of `models.yaml`: what may be said of a model there, read strictly."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from agent_workers.domain.models.settings import ModelSettings, mistakes_of_settings
from agent_workers.execution.models.named.prices import micro_usd
from agent_workers.execution.values.strict_documents import Place

_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,199}$"
_MODEL: Final = re.compile(r"[a-z0-9_]+/\S+")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_SOUNDS_SECRET: Final = re.compile(
    r"api_?key|authorization|credential|passw|private|secret|(auth|ad|session|access|bearer)_token$",
    re.IGNORECASE,
)
# What the gateway says itself, by names of litellm's; and what would send a call elsewhere.
_OURS: Final = frozenset(
    "model messages tools tool_choice response_format stream stream_options timeout num_retries"
    " max_retries drop_params additional_drop_params metadata api_base base_url fallbacks callbacks mock_response"
    " max_tokens max_completion_tokens temperature top_p reasoning_effort seed stop n".split()
)
_A_REFERENCE: Final = (
    "a key is never written here: say where it is, such as {env: OPENAI_API_KEY} or "
    "{file: /run/secrets/openai}"
)
# What others call it.
ALIASES: Final = {
    "api_key": "key",
    "api_base": "address",
    "base_url": "address",
    "url": "address",
    "max_tokens": "max_output_tokens",
    "cost": "prices",
    "timeout": "timeout_s",
}


def _reference(value: object) -> object:
    if not isinstance(value, dict) or len(value) != 1 or not value.keys() <= {"env", "file"}:
        raise ValueError(_A_REFERENCE)
    return value


def _variable(name: str) -> str:
    if name and not _VARIABLE.fullmatch(name):
        raise ValueError("it must be the name of a variable, not the key itself")
    return name


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url, parts = False, urlsplit("")
    if not is_url:
        raise ValueError("it must be a URL that begins with http:// or https://")
    if parts.username or parts.password:
        raise ValueError("it must not hold a user name or a password: use `key`")
    return url.rstrip("/")


def _path(path: str) -> str:
    if path and "/" not in path:
        raise ValueError(
            "it must be a path with a slash, such as /run/secrets/openai or ./openai.key"
        )
    return path


def _price(usd: float) -> float:
    micro_usd(usd)
    return usd


def _model(name: str) -> str:
    if not _MODEL.fullmatch(name):
        raise ValueError("it must be provider/model, such as openai/gpt-5-mini")
    return name


def _extra(value: dict[str, Any]) -> dict[str, Any]:
    for path in _paths(value):
        name = path[-1]
        if len(path) == 1 and name in _OURS:
            raise ValueError(
                f"{name!r} cannot stand in `extra`: it has a member of its own, or agent_workers sets it"
            )
        if _SOUNDS_SECRET.search(name):
            raise ValueError(f"{name!r} sounds like a secret, and none is written here: use `key`")
    return value


def _paths(value: object) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield (str(name),)
            yield from ((str(name), *rest) for rest in _paths(inner))


Price = Annotated[float, Field(ge=0, allow_inf_nan=False), AfterValidator(_price)]
Count = Annotated[int, Field(ge=1)]
Address = Annotated[str, AfterValidator(_address)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class KeyDocument(_Strict):
    env: Annotated[str, AfterValidator(_variable)] = ""
    file: Annotated[str, AfterValidator(_path)] = ""


Key = Annotated[KeyDocument, BeforeValidator(_reference)]


class PricesDocument(_Strict):
    """USD per million tokens."""

    input: Price
    cached_input: Price | None = None
    cache_write: Price | None = None
    output: Price


class QuotaDocument(_Strict):
    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None


class LimitsDocument(QuotaDocument):
    context_tokens: Count | None = None
    max_output_tokens: Count | None = None


class DefaultsDocument(_Strict):
    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    reasoning_effort: str | None = None
    seed: int | None = None
    stop: tuple[str, ...] | None = None
    timeout_s: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] | None = None
    # Any: whatever the provider takes.
    extra: Annotated[dict[str, Any], AfterValidator(_extra)] = {}

    @property
    def settings(self) -> ModelSettings:
        return ModelSettings(**self.model_dump(exclude={"timeout_s", "extra"}))

    @model_validator(mode="after")
    def _possible(self) -> "DefaultsDocument":
        for name, text in mistakes_of_settings(self.settings):
            raise ValueError(f"{name}: {text}")
        return self


class TenantDocument(_Strict):
    """What calls for one tenant are made with instead."""

    key: Key | None = None
    address: Address | None = None
    model: Annotated[str, AfterValidator(_model)] | None = None
    limits: QuotaDocument | None = None


class ModelDocument(_Strict):
    model: Annotated[str, AfterValidator(_model)] | None = None
    address: Address | None = None
    key: Key | None = None
    prices: PricesDocument | None = None
    limits: LimitsDocument = LimitsDocument()
    defaults: DefaultsDocument = DefaultsDocument()
    drop_unsupported: bool = False
    tenants: dict[str, TenantDocument] = {}

    @model_validator(mode="after")
    def _fits(self) -> "ModelDocument":
        most, wished = self.limits.max_output_tokens, self.defaults.max_output_tokens
        if most is not None and wished is not None and wished > most:
            raise ValueError(
                f"defaults.max_output_tokens is {wished}, and limits.max_output_tokens {most}"
            )
        return self


class ModelsDocument(_Strict):
    """All of `models.yaml`."""

    models: dict[Annotated[str, Field(pattern=_NAME)], ModelDocument]


_SHAPES: Final[Mapping[str, type[BaseModel]]] = {
    "key": KeyDocument,
    "prices": PricesDocument,
    "limits": LimitsDocument,
    "defaults": DefaultsDocument,
}


def members_at(place: Place) -> Iterable[str]:
    """Name what may stand at a place."""
    holder = [str(part) for part in place[:-1]]
    shape: type[BaseModel] = ModelsDocument
    if holder[:1] == ["models"]:
        shape = next((_SHAPES[part] for part in holder[2:] if part in _SHAPES), ModelDocument)
        if shape is ModelDocument and "tenants" in holder[2:]:
            shape = TenantDocument
    return shape.model_fields
