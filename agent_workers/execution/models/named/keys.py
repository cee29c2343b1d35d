"""Finds the keys of models: where `models.yaml` says, or in the variables that litellm reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agent_workers.execution.models.named.access import NO_KEY, Access
from agent_workers.execution.models.named.models import KeyReference, NamedModel

# The variables that litellm reads for each provider; of a tuple, one is enough.
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "azure": ("AZURE_API_KEY", "AZURE_OPENAI_API_KEY"),
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
# Their own libraries find credentials in other ways, too: an identity of the machine, a profile.
_OTHER_WAYS: Final = frozenset({"azure", "azure_ai", "bedrock", "sagemaker", "vertex_ai"})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFound:
    """The key of a model, or what is missing; `source` is where it is looked for."""

    source: str
    value: str = field(default="", repr=False)
    problem: str = ""


def key_of(named: NamedModel, environment: Mapping[str, str]) -> KeyFound:
    """Look for the key of a model of `models.yaml`."""
    if named.key is not None:
        return _referred(named.key, named.place, environment)
    # An address of one's own is never told a key that was meant for the provider's.
    if named.address and named.provider not in _OTHER_WAYS:
        return KeyFound(source="none needed")
    return key_of_provider(named.model, environment)


def key_of_provider(model: str, environment: Mapping[str, str]) -> KeyFound:
    """Look for the key of a model in the variables of its provider."""
    provider = model.partition("/")[0]
    variables = KEYS.get(provider, ())
    if not variables:
        return KeyFound(source="none needed" if provider in KEYS else "the provider's library")
    found = next((name for name in variables if environment.get(name)), "")
    if found:
        return KeyFound(source=f"env {found}", value=environment[found])
    wanted = " or ".join(variables)
    problem = "" if provider in _OTHER_WAYS else f"set {wanted}"
    return KeyFound(source=f"env {wanted}", problem=problem)


def access_to(named: NamedModel, found: KeyFound) -> Access:
    """Say how a model of `models.yaml` is reached with the key that was found."""
    # Without one, litellm would take that of the provider from a variable.
    unneeded = NO_KEY if found.source == "none needed" and named.address else None
    return Access(
        model=named.model,
        api_key=(found.value if named.key else None) or unneeded,
        api_base=named.address or None,
        extra=named.extra,
        drops_unsupported=named.drops_unsupported,
        timeout_s=named.timeout_s,
        problem=found.problem,
    )


def _referred(key: KeyReference, place: str, environment: Mapping[str, str]) -> KeyFound:
    if key.env:
        value = environment.get(key.env, "").strip()
        missing = f"set {key.env} ({place})"
        return KeyFound(source=f"env {key.env}", value=value, problem="" if value else missing)
    source = f"file {key.file}"
    try:
        value = Path(key.file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        return KeyFound(source=source, problem=f"cannot read {key.file!r}: {why} ({place})")
    return KeyFound(
        source=source, value=value, problem="" if value else f"{key.file!r} is empty ({place})"
    )
