"""How a model is reached: which one it is, at which address, with whose key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

NO_KEY: Final = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach a model or a whole provider, where litellm's own default is not wanted."""

    # As litellm calls it, where the name is one of our own.
    model: str = ""
    api_key: str | None = field(default=None, repr=False)
    api_base: str | None = None
    # What litellm and the provider are told besides.
    extra: Mapping[str, object] = field(default_factory=dict)
    drops_unsupported: bool = False
    timeout_s: float | None = None
    # Why it cannot be asked from here: its key is missing.
    problem: str = ""

    @property
    def arguments(self) -> dict[str, object]:
        named = {"model": self.model or None, "api_key": self.api_key, "api_base": self.api_base}
        return {**self.extra, **{name: said for name, said in named.items() if said is not None}}

    def hidden(self, text: str) -> str:
        """Take the key out of what a provider says: some repeat it."""
        key = self.api_key
        return text if not key or key == NO_KEY else text.replace(key, "***")
