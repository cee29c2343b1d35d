"""Models under names of one's own: what `models.yaml` says of each, by tenant where they differ."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from agent_workers.domain.models.quota import Quota
from agent_workers.domain.models.settings import NOTHING_SAID, ModelSettings
from agent_workers.domain.text.encoding import canonical
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.named.prices import Price, bytes_of
from agent_workers.execution.models.values import ModelRequest

# English prose has four bytes to the token, as for quotas.
_BYTES_PER_TOKEN: Final = 4
NO_QUOTA: Final = Quota()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyReference:
    """Where a key is: in a variable, or in a file."""

    env: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedModel:
    """What a name stands for; what is a tenant's own is called `NAME@TENANT`."""

    name: str
    # provider/model, as litellm calls it.
    model: str
    # FILE:LINE, for whoever has to change it.
    place: str
    address: str = ""
    key: KeyReference | None = None
    settings: ModelSettings = NOTHING_SAID
    extra: Mapping[str, object] = field(default_factory=dict)
    drops_unsupported: bool = False
    timeout_s: float | None = None
    price: Price | None = None
    quota: Quota = NO_QUOTA
    context_tokens: int = 0
    most_output_tokens: int = 0

    @property
    def provider(self) -> str:
        return self.model.partition("/")[0]

    @property
    def stands_for(self) -> str:
        """Say all that another answer could come of, so that no cache takes one for the other."""
        return canonical([self.model, self.address, self.extra]).decode()


@dataclass(frozen=True, slots=True)
class NamedModels:
    models: Mapping[str, NamedModel] = field(default_factory=dict)

    def find(self, name: str, tenant: str = "") -> NamedModel | None:
        """Find what a name stands for in the jobs of a tenant."""
        return self.models.get(own_name(name, tenant)) or self.models.get(name)

    def prepared(
        self, request: ModelRequest, settings: ModelSettings, *, tenant: str = ""
    ) -> ModelRequest:
        """Make a request what it is for its model: the agent's settings win over the file's."""
        named = self.find(request.model, tenant)
        if named is None:
            return _asked(request, settings)
        asked = _asked(request, settings.over(named.settings))
        most = min(asked.max_output_tokens, named.most_output_tokens or asked.max_output_tokens)
        asked = replace(
            asked, model=named.name, max_output_tokens=most, stands_for=named.stands_for
        )
        _refuse_too_long(asked, named)
        return asked


NO_NAMES: Final = NamedModels()


def own_name(name: str, tenant: str) -> str:
    """Name what a tenant has of its own: its quotas, breakers and prices are apart by this name."""
    return f"{name}@{tenant}"


def _asked(request: ModelRequest, settings: ModelSettings) -> ModelRequest:
    most = settings.max_output_tokens or request.max_output_tokens
    rest = replace(settings, max_output_tokens=None)
    return replace(request, max_output_tokens=most, settings=rest)


def _refuse_too_long(request: ModelRequest, named: NamedModel) -> None:
    tokens = bytes_of(request) // _BYTES_PER_TOKEN + request.max_output_tokens
    if named.context_tokens and tokens > named.context_tokens:
        raise ModelFailed(
            ErrorClass.CONTEXT_WINDOW,
            f"about {tokens} tokens do not fit the {named.context_tokens} of {named.name!r}"
            f" (context_tokens at {named.place})",
            cost_known=True,
        )
