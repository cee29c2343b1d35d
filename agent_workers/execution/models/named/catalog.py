"""All models that can be asked from here: the price table's, and those that `models.yaml` names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.models.quota import Quota
from agent_workers.domain.text.encoding import canonical, digest
from agent_workers.execution.models.named.access import Access
from agent_workers.execution.models.named.file import load_models
from agent_workers.execution.models.named.keys import (
    KEYS,
    KeyFound,
    access_to,
    key_of,
    key_of_provider,
)
from agent_workers.execution.models.named.models import NO_NAMES, NO_QUOTA, NamedModel, NamedModels
from agent_workers.execution.models.named.prices import Price, PriceTable, default_prices

# A shorter one would be found in words that are none.
_SHORTEST_SECRET: Final = 6
_DIGITS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCatalog:
    """What is known of models when a process starts: their prices, keys and addresses."""

    prices: PriceTable
    named: NamedModels = NO_NAMES
    # By the name of a model of `models.yaml`.
    keys: Mapping[str, KeyFound] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def access(self) -> dict[str, Access]:
        """Say how models of the file are reached, and of which providers a key is missing."""
        found = {one: key_of_provider(f"{one}/", self.environment) for one in KEYS}
        missing = {one: Access(problem=key.problem) for one, key in found.items() if key.problem}
        named = {name: access_to(one, self.keys[name]) for name, one in self.named.models.items()}
        return missing | named

    @property
    def provider_models(self) -> tuple[str, ...]:
        """Name the models of the table and of the file as litellm calls them."""
        named = (one.model for one in self.named.models.values())
        return tuple(dict.fromkeys((*self.prices.prices, *named)))

    @property
    def shares(self) -> dict[str, tuple[str, ...]]:
        """Say whose quotas a name of the file draws from besides its own."""
        return {name: _shared(one) for name, one in self.named.models.items()}

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return the values that no log may hold."""
        variables = {variable for many in KEYS.values() for variable in many}
        known = [self.environment.get(variable, "") for variable in variables]
        known += [found.value for found in self.keys.values()]
        return tuple({value for value in known if len(value) >= _SHORTEST_SECRET})

    @property
    def key_files(self) -> tuple[Path, ...]:
        """Return the files that nothing in a boundary may read."""
        keys = (one.key for one in self.named.models.values())
        return tuple(Path(key.file).absolute() for key in keys if key is not None and key.file)

    def quotas(self, given: Mapping[str, Quota]) -> dict[str, Quota]:
        """Put the quotas of the file to those that are given; a name has one of them."""
        said = {n: one for n, one in self.named.models.items() if one.quota != NO_QUOTA}
        for name in sorted(said.keys() & given.keys()):
            place = said[name].place
            raise Misdeclared(
                f"the quota of {name!r} is both in AGENT_MODEL_QUOTAS and at {place}: remove one"
            )
        return {**given, **{name: one.quota for name, one in said.items()}}


def catalog_of(file: Path | None, environment: Mapping[str, str]) -> ModelCatalog:
    """Read the file, if there is one, and look for the keys that it refers to."""
    named = NO_NAMES if file is None else load_models(file)
    return ModelCatalog(
        prices=_with_names(default_prices(), named),
        named=named,
        keys={name: key_of(one, environment) for name, one in named.models.items()},
        environment=environment,
    )


def _with_names(shipped: PriceTable, named: NamedModels) -> PriceTable:
    """Put the prices of the file over those of the table; what it does not price costs as there."""
    own = {name: one.price for name, one in named.models.items() if one.price is not None}
    known: dict[str, Price] = {}
    for name, one in named.models.items():
        price = one.price or shipped.prices.get(one.model)
        if price is not None:
            known[name] = price
    if not known:
        return shipped
    told = {n: [p.input, p.cached, p.cache_write, p.output] for n, p in sorted(own.items())}
    version = f"{shipped.version}+{digest(canonical(told)).hex()[:_DIGITS]}" if own else ""
    return PriceTable(version=version or shipped.version, prices={**shipped.prices, **known})


def _shared(named: NamedModel) -> tuple[str, ...]:
    """A provider counts by key: who has one of its own takes no room from others."""
    of_provider = named.key is None or named.key.env in KEYS.get(named.provider, ())
    if "@" in named.name or named.address or not of_provider:
        return ()
    return (named.model, named.provider)
