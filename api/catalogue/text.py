"""Agents and their versions as replies, and as JSON text."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from agent_workers.domain.agents.version import KeptVersion, Source
from agent_workers.state.catalogue.agents import AgentSeen
from api.http.json_text import dumped, instant, text
from api.http.shapes import Anything, Instant, page_of


class AgentReply(TypedDict):
    """What is current of an agent."""

    object: Literal["agent"]
    name: str
    version: str
    definition: dict[str, Anything]
    registered_at: Instant
    retired_at: Instant | None


class KeptVersionReply(TypedDict):
    version: str
    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    source: Literal[tuple(Source)]  # type: ignore[valid-type]
    created_by: str
    created_at: Instant


class AgentWithVersionsReply(AgentReply):
    versions: list[KeptVersionReply]


class AgentVersionReply(KeptVersionReply):
    object: Literal["agent_version"]
    name: str
    definition: dict[str, Anything]


AgentList = page_of("AgentList", AgentReply)


def agent_text(agent: AgentSeen, versions: Sequence[KeptVersion] | None = None) -> str:
    kept = "" if versions is None else f',"versions":[{",".join(map(_version, versions))}]'
    return (
        f'{{"object":"agent","name":{text(agent.name)},"version":{text(agent.version)},'
        f'"definition":{agent.definition},"registered_at":{instant(agent.registered_at)},'
        f'"retired_at":{instant(agent.retired_at)}{kept}}}'
    )


def agent_version_text(version: KeptVersion) -> str:
    definition = dumped(version.shown).decode("ascii")
    head = f'{{"object":"agent_version","name":{text(version.name)},"definition":{definition},'
    return head + _version(version)[1:]


def _version(version: KeptVersion) -> str:
    return (
        f'{{"version":{text(version.version)},"digest":"{version.digest}",'
        f'"source":"{version.source.value}","created_by":{text(version.created_by)},'
        f'"created_at":{instant(version.created_at)}}}'
    )
