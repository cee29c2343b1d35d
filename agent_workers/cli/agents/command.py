"""`agent-workers agents`: applies files of agents; lists, shows and compares their versions."""

import argparse
import difflib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from typing_extensions import override

from agent_workers.cli.verbs import verbs_here
from agent_workers.domain.agents.version import EVERYBODY, KeptVersion, Source, split_name
from agent_workers.domain.ids import TenantId
from agent_workers.execution.agents.documents import DERIVED, AgentDocument
from agent_workers.local.agents.applying import apply_files, new_version, read_files
from agent_workers.local.agents.registry import registry_of
from agent_workers.local.database import database_at
from agent_workers.local.surroundings import system_here
from agent_workers.settings import Settings
from agent_workers.state.catalogue.agent_versions import AgentVersions, Kept
from agent_workers.state.catalogue.agents import Agents, LastSeen
from agent_workers.terminal.errors import CommandFailed, WronglyAsked
from agent_workers.terminal.printing import add_json, print_json, print_rows

_COLUMNS = ("name", "version", "source", "digest", "created_at", "created_by")
_SHOWN = "as `agents list` shows it"
_SHORT = 12
_SEE = "see `agent-workers agents list`"
Act = Callable[[Settings, TenantId, argparse.Namespace], int]
# Any: JSON, in the shape of an agent's document.
Definition = Mapping[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verb_of = verbs_here(parser, shared="whose agents; by default those that all tenants share")

    def add(name: str, words: str, act: Act) -> argparse.ArgumentParser:
        verb = verb_of(name, words, act)
        verb.add_argument("--tools", help="modules with the tools (AGENT_TOOLS)")
        add_json(verb)
        return verb

    applying = add("apply", "check agent files, then make their versions current", _apply)
    applying.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="YAML with one or more agents"
    )
    applying.add_argument("--dry-run", action="store_true", help="only say what would happen")
    add("list", "list the current version of every agent", _list)
    show = add("show", "print a version as YAML that can be applied again", _show)
    show.add_argument("agent", metavar="NAME[@VERSION]", help=_SHOWN)
    retire = add("retire", "take no new jobs for an agent; its existing jobs go on", _retire)
    retire.add_argument("agent", metavar="NAME", help=_SHOWN)
    restore = add("restore", "take new jobs for a retired agent again", _restore)
    restore.add_argument("agent", metavar="NAME", help=_SHOWN)
    diff = add("diff", "compare two versions, or a file with the current version", _diff)
    diff.add_argument("before", metavar="NAME@VERSION|FILE", help="what to compare")
    diff.add_argument(
        "after", nargs="?", metavar="NAME@VERSION", help="by default the current version"
    )


def run(arguments: argparse.Namespace) -> int:
    settings = system_here(arguments)
    if arguments.tools:
        modules = tuple(name.strip() for name in arguments.tools.split(",") if name.strip())
        settings = settings.model_copy(update={"tools": modules})
    act: Act = arguments.act
    return act(settings, TenantId(arguments.tenant), arguments)


def _apply(settings: Settings, tenant_id: TenantId, arguments: argparse.Namespace) -> int:
    dry_run: bool = arguments.dry_run
    kept = apply_files(arguments.files, settings, tenant_id=tenant_id, dry_run=dry_run)
    if arguments.json:
        print_json([asdict(one) for one in kept])
        return 0
    for one in kept:
        print(f"{one.name} version {one.version}: {_told(one, dry_run=dry_run)}")
    return 0


def _list(settings: Settings, tenant_id: TenantId, arguments: argparse.Namespace) -> int:
    with database_at(settings.database_url, "agents") as database:
        found = AgentVersions(database).current(tenant_id)
        retired = {one.name: one.retired_at for one in Agents(database).all(tenant_id)}
        last = Agents(database).seen_last(tenant_id)
    rows = [
        _row(version)
        | {"retired_at": retired.get(version.name)}
        | served(version, last.get(version.name))
        for version in found
    ]
    if arguments.json:
        print_json(rows)
    else:
        short = [row | {"digest": str(row["digest"])[:_SHORT]} for row in rows]
        print_rows(
            short,
            (*_COLUMNS, *SERVED, "retired_at"),
            none="no agents are known; start a worker that loads some: `agent-workers up --tools MODULE`",
        )
    return 0


def _retire(settings: Settings, tenant_id: TenantId, arguments: argparse.Namespace) -> int:
    with database_at(settings.database_url, "agents") as database:
        changed = Agents(database).retire(tenant_id, arguments.agent)
    words = "retired; it takes no new jobs, and its existing jobs go on"
    return _said(arguments, tenant_id, words, "already retired", changed=changed)


def _restore(settings: Settings, tenant_id: TenantId, arguments: argparse.Namespace) -> int:
    with database_at(settings.database_url, "agents") as database:
        changed = Agents(database).restore(tenant_id, arguments.agent)
    words = "takes new jobs again"
    return _said(arguments, tenant_id, words, "not retired; it takes new jobs", changed=changed)


def _said(
    arguments: argparse.Namespace,
    tenant_id: TenantId,
    words: str,
    otherwise: str,
    *,
    changed: bool | None,
) -> int:
    name: str = arguments.agent
    if changed is None:
        whose = "that all tenants share" if tenant_id == EVERYBODY else f"of tenant {tenant_id!r}"
        raise CommandFailed(f"there is no agent {name!r} {whose}: {_SEE}")
    if arguments.json:
        print_json({"agent": name, "changed": changed})
    else:
        print(f"{name}: {words if changed else otherwise}")
    return 0


def _show(settings: Settings, tenant_id: TenantId, arguments: argparse.Namespace) -> int:
    with _versions(settings) as versions:
        version = _found(versions, tenant_id, arguments.agent)
    if arguments.json:
        print_json(_row(version) | {"definition": version.definition})
    else:
        by = f" by {version.created_by}" if version.created_by else ""
        print(f"# version {version.version} ({version.source}), {version.created_at}{by}")
        print(f"# digest {version.digest}")
        print(yaml_of(version.definition), end="")
    return 0


def _diff(settings: Settings, tenant_id: TenantId, arguments: argparse.Namespace) -> int:
    with _versions(settings) as versions:
        if Path(arguments.before).is_file():
            pairs = list(_against_current(settings, versions, tenant_id, arguments))
        else:
            pairs = [_two_versions(versions, tenant_id, arguments)]
    lines = [line for pair in pairs for line in pair]
    if arguments.json:
        print_json({"same": not lines, "lines": lines})
    else:
        print("\n".join(lines) or "no differences")
    return 0


def _two_versions(
    versions: AgentVersions, tenant_id: TenantId, arguments: argparse.Namespace
) -> list[str]:
    before = _found(versions, tenant_id, arguments.before)
    after = _found(versions, tenant_id, arguments.after or before.name)
    return difference(before.definition, after.definition, names=(_named(before), _named(after)))


def _against_current(
    settings: Settings, versions: AgentVersions, tenant_id: TenantId, arguments: argparse.Namespace
) -> Iterator[list[str]]:
    """Compare each agent of a file with its current version: what applying it would change."""
    if arguments.after is not None:
        raise WronglyAsked(
            "a file is always compared with the current version: leave out the second argument"
        )
    file = Path(arguments.before)
    known = {version.name: version for version in versions.current(tenant_id)}
    for written in read_files([file], registry_of(settings, tenant_id)):
        new = new_version(written)
        current = known.get(new.name)
        before: Definition = current.definition if current else {}
        old = _named(current) if current else "nothing"
        yield difference(before, new.definition, names=(old, f"{file}: {new.name}"))


def _found(versions: AgentVersions, tenant_id: TenantId, given: str) -> KeptVersion:
    name, wanted = split_name(given)
    if wanted:
        found = versions.fetch(tenant_id, name, wanted)
    else:
        current = versions.current(tenant_id)
        found = next((one for one in current if one.name == name), None)
    if found is None:
        known = ", ".join(one.version for one in versions.all(tenant_id, name))
        raise CommandFailed(
            f"agent {name!r} has no version {wanted!r}, only {known}"
            if known
            else f"there is no agent {name!r}: {_SEE}"
        )
    return found


def _told(kept: Kept, *, dry_run: bool) -> str:
    would = "would be " if dry_run else ""
    if kept.is_new:
        return f"{would}new, and current"
    return f"{would}current again" if kept.is_moved else "unchanged"


def _row(version: KeptVersion) -> dict[str, object]:
    return {name: getattr(version, name) for name in _COLUMNS}


def _named(version: KeptVersion) -> str:
    return f"{version.name}@{version.version}"


@contextmanager
def _versions(settings: Settings) -> Iterator[AgentVersions]:
    with database_at(settings.database_url, "agents") as database:
        yield AgentVersions(database)


_HASH = 12


class _Plain(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""

    @override
    # Any: the base class takes whatever stands in a document.
    def represent_str(self, data: Any) -> yaml.ScalarNode:
        style = "|" if "\n" in data else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Plain.add_representer(str, _Plain.represent_str)


# Any: JSON, in the shape of an agent's document; so below.
def yaml_of(definition: Mapping[str, Any]) -> str:
    """Write a definition as the document that says it, the hashes of its tools as comments."""
    tools = definition.get("tools", [])
    told = {
        key: definition[key]
        for key in AgentDocument.model_fields
        if key in definition and definition[key] not in (None, []) and key not in DERIVED
    }
    if tools:
        told["tools"] = [_pinned(tool) for tool in tools]
    if not told:
        return ""
    written = yaml.dump(told, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=100)
    return "".join(f"# tool {_hashed(tool)} ({tool['effect']})\n" for tool in tools) + written


def difference(
    before: Mapping[str, Any], after: Mapping[str, Any], *, names: tuple[str, str]
) -> list[str]:
    """Return the lines that differ, as `diff -u` writes them."""
    old, new = yaml_of(before).splitlines(), yaml_of(after).splitlines()
    return list(difflib.unified_diff(old, new, names[0], names[1], lineterm=""))


SERVED = ("workers", "last_seen_at", "last_seen_on")


def served(version: KeptVersion, last: LastSeen | None) -> dict[str, object]:
    """Tell which workers have an agent that is code; one from a file is every worker's."""
    if version.source is Source.YAML or last is None:
        return dict.fromkeys(SERVED)
    return dict(zip(SERVED, (last.workers, last.at, last.host), strict=True))


def _hashed(tool: Mapping[str, Any]) -> str:
    return f"{tool['name']}@{tool['schema_hash'][:_HASH]}"


def _pinned(tool: Mapping[str, Any]) -> str:
    return f"{tool['name']}@{tool['pinned']}" if tool.get("pinned") else str(tool["name"])
