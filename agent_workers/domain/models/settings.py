"""How a model is asked: temperature, the longest answer, and what else shapes it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh")
_HOTTEST: Final = 2
_MOST_STOPS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """What is not said here is left to `models.yaml`, and then to the provider."""

    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    reasoning_effort: str | None = None
    seed: int | None = None
    stop: tuple[str, ...] | None = None

    # Any: JSON.
    @property
    def said(self) -> dict[str, Any]:
        """What is said, by name."""
        told = {name: value for name, value in asdict(self).items() if value is not None}
        return told | ({} if self.stop is None else {"stop": list(self.stop)})

    def over(self, other: "ModelSettings") -> "ModelSettings":
        """Fill in from `other` what is not said here."""
        mine = {one.name: getattr(self, one.name) for one in fields(self)}
        return ModelSettings(
            **{
                name: getattr(other, name) if value is None else value
                for name, value in mine.items()
            }
        )


NOTHING_SAID: Final = ModelSettings()


def mistakes_of_settings(settings: ModelSettings) -> Iterator[tuple[str, str]]:
    """Name each member that cannot be, and why."""
    heat, share, most = settings.temperature, settings.top_p, settings.max_output_tokens
    if heat is not None and not 0 <= heat <= _HOTTEST:
        yield "temperature", f"{heat} is not between 0 and {_HOTTEST}"
    if share is not None and not 0 < share <= 1:
        yield "top_p", f"{share} is not above 0 and at most 1"
    if most is not None and most < 1:
        yield "max_output_tokens", f"{most} is not at least 1"
    effort = settings.reasoning_effort
    if effort is not None and effort not in EFFORTS:
        yield "reasoning_effort", f"{effort!r} is not one of {', '.join(EFFORTS)}"
    if settings.stop is not None and not 0 < len(settings.stop) <= _MOST_STOPS:
        yield "stop", f"it must be a list of 1 to {_MOST_STOPS} strings"
