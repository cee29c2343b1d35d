"""A version of an agent: what it says, the digest of that, and the name under which it is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.ids import TenantId
from agent_workers.domain.text.encoding import canonical, digest

# The tenant of agents that every tenant may use.
EVERYBODY: Final = TenantId("*")
# What tenants are not shown of agents that are everybody's: their hashes stand there instead.
UNSHOWN: Final = ("instructions", "prompts", "variables")


class VersionReused(Misdeclared):
    """A declared version is known already, and says something else."""

    code = "agent_version_reused"


class Source(StrEnum):
    """Who says what an agent is: a file that was applied, or code that a worker loaded."""

    YAML = "yaml"
    PYTHON = "python"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """A version that shall be known; one that is not declared is counted."""

    name: str
    declared: str
    # Any: JSON, in the shape of an agent's document.
    definition: Mapping[str, Any]
    source: Source
    plan_timeout_ms: int
    plan_hold_micro: int = 0

    @property
    def digest(self) -> str:
        return digest_of(self.definition)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptVersion:
    """A version as it is kept, for ever."""

    tenant_id: TenantId
    name: str
    version: str
    # Its author named it; else it was counted.
    declared: bool
    digest: str
    # Any: as above.
    definition: Mapping[str, Any]
    source: Source
    created_by: str
    created_at: datetime

    @property
    def shown(self) -> dict[str, object]:
        """What a tenant may see of it: of everybody's agents not the prompts."""
        hidden = UNSHOWN if self.tenant_id == EVERYBODY else ()
        return {key: value for key, value in self.definition.items() if key not in hidden}


def digest_of(definition: Mapping[str, object]) -> str:
    """Return what two definitions share exactly when they say the same."""
    return digest(canonical(definition)).hex()


def split_name(given: str) -> tuple[str, str]:
    """Split `NAME@VERSION`; without a version: the current one."""
    name, _, version = given.partition("@")
    return name, version
