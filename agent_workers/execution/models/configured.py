"""Says before any call which models cannot work: no price, no way to reach them, no key.

It asks no provider and loads no litellm, so that `agents apply` and `doctor` stay quick.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final

from agent_workers.execution.models.prices import PriceTable

# The variables that litellm reads for each provider; of a tuple, one is enough.
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "cohere": ("COHERE_API_KEY",),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "fireworks_ai": ("FIREWORKS_AI_API_KEY", "FIREWORKS_API_KEY"),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "groq": ("GROQ_API_KEY",),
    "mistral": ("MISTRAL_API_KEY",),
    "openai": ("OPENAI_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY",),
    "perplexity": ("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"),
    "scripted": (),
    "together_ai": ("TOGETHERAI_API_KEY", "TOGETHER_AI_API_KEY"),
    "xai": ("XAI_API_KEY",),
}


def problems_of_models(
    names: Iterable[str],
    prices: PriceTable,
    environment: Mapping[str, str],
    *,
    reached: Iterable[str] = (),
) -> list[str]:
    """Name each model that would fail at its first call, one clear line for each.

    `reached`: the models and providers for which a key or an address is given to the gateway.
    """
    given = frozenset(reached)
    problems = (_problem(name, prices, environment, given) for name in dict.fromkeys(names))
    return [problem for problem in problems if problem]


def _problem(
    name: str, prices: PriceTable, environment: Mapping[str, str], reached: frozenset[str]
) -> str:
    if name not in prices.prices:
        return _unknown(name, prices)
    provider = name.partition("/")[0]
    if {name, provider} & reached:
        return ""
    # A priced model of a provider that is not in the table has a key that we cannot name.
    variables = KEYS.get(provider, ())
    if not variables or any(environment.get(variable) for variable in variables):
        return ""
    return f"model {name!r} has no key: set {' or '.join(variables)}"


def _unknown(name: str, prices: PriceTable) -> str:
    near = get_close_matches(name, prices.prices, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"model {name!r} is not in the price table{hint}"
