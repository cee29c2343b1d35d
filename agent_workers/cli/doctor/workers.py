"""Checks of what running workers report: do they have what the agents need, each where it runs?"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from agent_workers.domain.agents.engine_tools import NAMED_AS_TOOLS
from agent_workers.domain.agents.version import KeptVersion, Source
from agent_workers.domain.mcp.servers import McpServer, ServerState
from agent_workers.domain.step import Lane
from agent_workers.domain.text.nearest import did_you_mean
from agent_workers.domain.worker_report import WorkerSeen
from agent_workers.terminal.findings import Finding, fail, ok, warn
from agent_workers.terminal.printing import counted

_MODELS = frozenset({Lane.PLAN, Lane.EVALUATE})
_TOOLS = frozenset({Lane.TOOL, Lane.EFFECT})
_AGAIN = "and start that worker again (under `up`: stop `up`, and start it again)"
_ITS = (
    "in the environment of that worker, and start it again "
    "(under `up`: stop `up`, set it, start `up` again)"
)
_REFERENCE = re.compile(r"\$\{(MCP_[A-Z0-9_]+)\}")
# Any: JSON, in the shape of an agent's document; so below.
Definition = Mapping[str, Any]


def check_workers(
    workers: Sequence[WorkerSeen],
    current: Sequence[KeptVersion],
    servers: Sequence[McpServer] = (),
    mcp_tools: Iterable[str] = (),
) -> Iterator[Finding]:
    """Judge each worker that takes steps; what is wrong is said of the worker that has to be changed."""
    serving = [worker for worker in workers if worker.serves]
    wrong = [
        *_missing_agents(serving, current),
        *_missing_tools(serving, current, frozenset(mcp_tools)),
        *_missing_models(serving, current),
        *_missing_secrets(serving, servers),
        *_unable(serving, current),
    ]
    yield from wrong
    if not wrong:
        yield ok(
            f"{counted(len(serving), 'worker')} checked: nothing is missing for {counted(len(current), 'current agent')}"
        )


def _missing_agents(
    workers: Sequence[WorkerSeen], current: Sequence[KeptVersion]
) -> Iterator[Finding]:
    """Find agents that are code, and that no running worker has."""
    there = {name for worker in _of(workers, _MODELS) for name in worker.report.agents}
    for version in current:
        if version.source is Source.PYTHON and version.name not in there:
            yield warn(
                f"no running worker has agent {version.name!r}",
                "start a worker whose --tools name its module, or run "
                f"`agent-workers agents retire {version.name}`",
            )


def _missing_tools(
    workers: Sequence[WorkerSeen], current: Sequence[KeptVersion], elsewhere: frozenset[str]
) -> Iterator[Finding]:
    """Find workers that cannot do the steps of an agent from a file: all of its tools must be there."""
    somewhere = {name for worker in workers for name in worker.report.tools}
    for version in current:
        if version.source is not Source.YAML:
            continue
        for name in set(_tools(version.definition)) - elsewhere - NAMED_AS_TOOLS.keys():
            # Where another worker has it the steps get done, later.
            say = warn if name in somewhere else fail
            for worker in workers:
                if name not in worker.report.tools:
                    yield say(
                        f"{worker.label} has no tool {name!r}, which agent {_named(version)} needs",
                        f"start it again with `agent-workers worker --tools MODULE`, where MODULE has {name!r}",
                    )


def _missing_models(
    workers: Sequence[WorkerSeen], current: Sequence[KeptVersion]
) -> Iterator[Finding]:
    for worker in _of(workers, _MODELS):
        mine = reversed(_done_by(worker, current))
        wanted = {name: _named(one) for one in mine for name in _models(one.definition)}
        known = worker.report.models
        for name, agent in wanted.items():
            if name not in known:
                yield _unknown_model(worker, name, agent)
            elif known[name]:
                yield _no_model(worker, known[name], f"agent {agent}")
    for worker in _of(workers, _TOOLS):
        if worker.report.abilities.why_no_embedding:
            why = worker.report.abilities.why_no_embedding
            yield _no_model(worker, why, "AGENT_EMBEDDING_MODEL")


def _unknown_model(worker: WorkerSeen, name: str, agent: str) -> Finding:
    meant = did_you_mean(name, worker.report.models)
    hint = f" ({meant})" if meant else ""
    return fail(
        f"{worker.label} does not know model {name!r}, which agent {agent} names{hint}",
        f"correct the name in the agent, or add the model to models.yaml with its prices, {_AGAIN}",
    )


def _no_model(worker: WorkerSeen, problem: str, named_by: str) -> Finding:
    """Repeat what the worker said, which names its own variables and files."""
    what, _, how = problem.partition(": ")
    if how.startswith("set "):
        return fail(f"{worker.label}: {what}, and {named_by} names it", f"{how} {_ITS}")
    if how.startswith("add "):
        return fail(f"{worker.label}: {what}, and {named_by} names it", f"{how}, {_AGAIN}")
    return fail(f"{worker.label}: {problem}, and {named_by} names it", f"correct that, {_AGAIN}")


def _missing_secrets(
    workers: Sequence[WorkerSeen], servers: Sequence[McpServer]
) -> Iterator[Finding]:
    for server in servers:
        if server.state is not ServerState.ENABLED:
            continue
        values = " ".join((*server.env.values(), *server.headers.values()))
        for name in sorted(set(_REFERENCE.findall(values))):
            for worker in _of(workers, _TOOLS):
                if name not in worker.report.secrets:
                    yield fail(
                        f"{worker.label} has no {name}, which MCP server {server.name!r} needs",
                        f"set {name} {_ITS}",
                    )


def _unable(workers: Sequence[WorkerSeen], current: Sequence[KeptVersion]) -> Iterator[Finding]:
    """Find what the machine or the settings of a worker do not give to the tools of an agent."""
    for worker in _of(workers, _TOOLS):
        agents = _done_by(worker, current)
        users = {name: _named(one) for one in agents for name in _tools(one.definition)}
        has = worker.report.abilities
        if "python_code" in users and has.why_no_sandbox:
            text = f"{worker.label} cannot run python_code for agent {users['python_code']}"
            yield fail(
                f"{text}: {has.why_no_sandbox}",
                "run `agent-workers sandbox list` on that host; see docs/sandbox.md",
            )
        if "send_email" in users and not has.mail:
            text = f"{worker.label} cannot send e-mail for agent {users['send_email']}"
            yield fail(text, f"set AGENT_SMTP_URL and AGENT_MAIL_FROM {_ITS}")
        if "sql_query" in users and not has.sql_sources:
            text = f"{worker.label} has no database to read for agent {users['sql_query']}"
            yield fail(text, f"set AGENT_SQL_SOURCES {_ITS}")
        if has.why_no_boundary:
            text = (
                f"{worker.label}: MCP servers and isolated tools run as child processes with limits"
            )
            yield warn(
                f"{text}, without a sandbox ({has.why_no_boundary})",
                "install bubblewrap on that host",
            )


def _done_by(worker: WorkerSeen, current: Sequence[KeptVersion]) -> list[KeptVersion]:
    """Return the agents whose steps a worker takes: those of its modules, and those from files."""
    return [one for one in current if one.source is Source.YAML or one.name in worker.report.agents]


def _of(workers: Sequence[WorkerSeen], lanes: frozenset[Lane]) -> list[WorkerSeen]:
    return [worker for worker in workers if lanes & set(worker.report.lanes)]


def _named(version: KeptVersion) -> str:
    return f"{version.name}@{version.version}"


def _tools(definition: Definition) -> list[str]:
    return [tool["name"] for tool in definition.get("tools", ())]


def _models(definition: Definition) -> list[str]:
    model = definition.get("model")
    ladders = definition.get("ladders", {}).values()
    return [*([model] if model else []), *(name for ladder in ladders for name in ladder)]
