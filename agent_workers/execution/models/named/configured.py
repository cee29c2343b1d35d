"""Says before any call which models can be asked from here: do they have a price, and a key?

It asks no provider and loads no litellm, so that `agents apply` and `doctor` stay quick.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent_workers.domain.text.nearest import did_you_mean
from agent_workers.execution.models.named.catalog import ModelCatalog
from agent_workers.execution.models.named.keys import KeyFound, key_of_provider
from agent_workers.execution.models.named.models import NamedModel
from agent_workers.execution.models.named.prices import Price

_SHIPPED = "the price table"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelState:
    """A model as it is known here: under which name, with whose key, at what price."""

    name: str
    # As litellm calls it: provider/model.
    model: str
    address: str
    key: KeyFound
    price: Price | None
    named: NamedModel | None
    # Why it would fail at its first call; empty where all is well.
    problem: str

    @property
    def has_key(self) -> bool:
        """A key is there, or none is needed."""
        return not self.key.problem

    @property
    def source(self) -> str:
        return _SHIPPED if self.named is None else self.named.place


def states_of_models(catalog: ModelCatalog, names: Iterable[str] = ()) -> list[ModelState]:
    """Tell of these models, or else of every one that the file names, its tenants' included."""
    wanted = dict.fromkeys(names) or catalog.named.models
    return [state_of_model(name, catalog) for name in wanted]


def state_of_model(name: str, catalog: ModelCatalog) -> ModelState:
    named = catalog.named.models.get(name)
    key = key_of_provider(name, catalog.environment) if named is None else catalog.keys[name]
    price = catalog.prices.prices.get(name)
    problem = "" if price is not None else _unpriced(name, named, catalog)
    if not problem and key.problem:
        problem = f"model {name!r} has no key: {key.problem}"
    return ModelState(
        name=name,
        model=named.model if named else name,
        address=named.address if named else "",
        key=key,
        price=price,
        named=named,
        problem=problem,
    )


def problems_of_models(names: Iterable[str], catalog: ModelCatalog) -> Sequence[str]:
    """Name each model that would fail at its first call, one clear line for each."""
    states = [state_of_model(name, catalog) for name in dict.fromkeys(names)]
    return [state.problem for state in states if state.problem]


def _unpriced(name: str, named: NamedModel | None, catalog: ModelCatalog) -> str:
    if named is not None:
        remedy = f"add `prices` at {named.place} (0 if it costs nothing)"
        return f"model {name!r} has no price: {remedy}"
    hint = did_you_mean(name, catalog.prices.prices) or "add it to models.yaml, with its prices"
    return f"model {name!r} is not in the price table; {hint}"
