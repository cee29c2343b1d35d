"""Calls one tool in this process: `python -m agent_workers.worker.programs.tool_call NAME '{"a": 1}'`."""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from uuid import UUID, uuid4

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import AgentWorkersError, Ending
from agent_workers.domain.ids import EffectKey, JobId, TenantId, from_wire
from agent_workers.domain.mcp.call import McpCalls
from agent_workers.domain.memory.embedding import Embedder
from agent_workers.domain.memory.knowledge import Knowledge
from agent_workers.domain.memory.memory import Memories
from agent_workers.domain.reply import Seen
from agent_workers.domain.text.nearest import did_you_mean
from agent_workers.domain.tools.clock import Clock
from agent_workers.domain.tools.facility import Give, Made, NotInstalled
from agent_workers.domain.tools.tool import Call, Statement
from agent_workers.domain.tools.workspace import Workspace
from agent_workers.execution.agents.registry import LoadedTool, Registry, load
from agent_workers.execution.mcp.opening import Opener
from agent_workers.execution.mcp.servers import Servers
from agent_workers.execution.mcp.tools import tools_for
from agent_workers.execution.tools.alone import Who, call_alone, look_up_alone, wrong_arguments
from agent_workers.execution.tools.builtins import tools_at_hand
from agent_workers.execution.tools.calling import Given
from agent_workers.local.agents.models import catalog_here, embedder_here, hidden_places
from agent_workers.local.outside import caller_of
from agent_workers.settings import Settings, load_settings, mcp_secrets
from agent_workers.state.catalogue.mcp import known_at
from agent_workers.state.database.engine import Database
from agent_workers.state.database.statements import run_statements
from agent_workers.worker.parts.facilities import Facilities, SystemClock, code, facilities
from agent_workers.worker.parts.outside import outside

_WRONG, _FAILED = 2, 1
_OF_DATABASE = frozenset({Knowledge, McpCalls, Memories, Workspace})


class _Refused(AgentWorkersError):
    """What was asked for makes no sense as it stands."""

    code = "refused"


class _OverTime(Ending):
    """Raised in the tool itself, once its time is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Surroundings:
    give: Give
    run: Callable[[Sequence[Statement]], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Call the tool, print what it gave, and say in words what else there is to say."""
    asked = _parser().parse_args(arguments)
    try:
        settings = load_settings(**({"tools": asked.tools} if asked.tools else {}))
        at_hand = tools_at_hand(checks_mail=bool(settings.imap_url))
        others = tools_for(TenantId(asked.tenant), known_at(settings.database_url))
        registry = load(settings.tools, beside=(*at_hand, *others))
        return _call(_tool(registry, asked), asked, settings)
    except _OverTime as over:
        within = f"{over.args[0].total_seconds():g} s"
        return _say(
            f"not done within {within}; raise `timeout` of tool {asked.tool!r} if it needs more",
            _FAILED,
        )
    except AgentWorkersError as error:
        return _say(str(error), _WRONG if isinstance(error, _Refused) else _FAILED)


def _tool(registry: Registry, asked: argparse.Namespace) -> LoadedTool:
    tool = registry.tools.get(asked.tool)
    if tool is None:
        hint = did_you_mean(asked.tool, registry.tools) or "see `agent-workers tools list`"
        raise _Refused(f"there is no tool {asked.tool!r}; {hint}")
    if tool.declared.effect is not EffectClass.PURE and not (asked.yes or asked.look_up):
        effect = tool.declared.effect.value
        raise _Refused(
            f"tool {asked.tool!r} is {effect}, so it changes something: add --yes to call it"
        )
    if asked.look_up and tool.declared.look_up is None:
        raise _Refused(f"tool {asked.tool!r} has no look-up")
    wrong = wrong_arguments(tool, asked.arguments.encode())
    if wrong:
        raise _Refused(wrong)
    return tool


def _call(tool: LoadedTool, asked: argparse.Namespace, settings: Settings) -> int:
    who, arguments = _who(asked), asked.arguments.encode()
    is_pure = tool.declared.effect is EffectClass.PURE
    if not is_pure:
        _say(f"key {who.key.hex}", 0)
    catalog = catalog_here(settings)
    hides = hidden_places(settings, catalog)
    with (
        _surroundings(settings, hides, embedder_here(settings, catalog)) as around,
        _in_time(tool),
    ):
        given = Given(give=around.give, hides=hides)
        if asked.look_up:
            return _looked_up(look_up_alone(tool, arguments, who, given))
        called = call_alone(tool, arguments, who, given, run=around.run)
    if called.result is not None:
        _print(json.loads(called.result))
    unclear = "; it may have happened: look before you call it again"
    if called.remark:
        return _say(called.remark + (unclear if called.unclear else ""), _FAILED)
    return 0


def _looked_up(seen: Seen) -> int:
    if seen.broke is not None:
        return _say(f"the look-up failed: {seen.broke.message}", _FAILED)
    result = None if seen.result is None else json.loads(seen.result)
    told = {"found": seen.found, "result": result, "contradictory": seen.contradictory}
    _print(told)
    return 0


@contextmanager
def _surroundings(
    settings: Settings, hides: Sequence[Path], embedder: Embedder
) -> Iterator[_Surroundings]:
    """Give what a worker would; without a database, only what needs none."""
    if not settings.database_url:
        yield _Surroundings(give=_without_database(settings, hides, embedder), run=_no_statements)
        return
    database = Database(settings.database_url, pool_size=2, name="agent-workers tools")
    servers = _mcp_servers(settings, hides)
    given = facilities(
        database=database,
        servers=servers,
        settings=settings,
        hides=hides,
        embedder=embedder,
    )
    try:
        yield _Surroundings(give=given, run=lambda many: run_statements(database, many))
    finally:
        servers.close()
        database.close()


def _mcp_servers(settings: Settings, hides: Sequence[Path]) -> Servers:
    """Servers as a worker calls them; what they changed meanwhile, a worker writes down."""
    secrets = mcp_secrets()
    opener = Opener(secrets=secrets, http=caller_of(settings), hides=hides)
    servers = Servers(opener, lambda _server, _offered: None, secrets=secrets)
    servers.renew(known_at(settings.database_url))
    return servers


def _without_database(settings: Settings, hides: Sequence[Path], embedder: Embedder) -> Give:
    alone: dict[type, Made] = {Clock: lambda _: SystemClock(), Embedder: lambda _: embedder}
    given = Facilities({**alone, **outside(settings), **code(settings, hides)})

    def give(wanted: type, call: Call) -> object:
        if wanted in _OF_DATABASE:
            needs = f"{wanted.__name__} needs a database"
            raise NotInstalled(f"{needs}: AGENT_DATABASE_URL is not set")
        return given(wanted, call)

    return give


def _no_statements(_: Sequence[Statement]) -> None:
    raise NotInstalled("a transactional tool needs a database: AGENT_DATABASE_URL is not set")


@contextmanager
def _in_time(tool: LoadedTool) -> Iterator[None]:
    def over(_signal: int, _frame: FrameType | None) -> None:
        raise _OverTime(tool.declared.timeout)

    signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, tool.declared.timeout.total_seconds())
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _who(asked: argparse.Namespace) -> Who:
    job_id = from_wire(asked.job) if asked.job else JobId(uuid4())
    if job_id is None:
        raise _Refused(f"{asked.job!r} is not the id of a job: those begin with job_")
    try:
        key = EffectKey(UUID(asked.key) if asked.key else uuid4())
    except ValueError:
        raise _Refused(f"{asked.key!r} is not a key: a key has 32 hexadecimal digits") from None
    return Who(
        tenant_id=TenantId(asked.tenant),
        job_id=job_id,
        key=key,
        user_id=asked.user,
        session_id=asked.session,
    )


def _print(value: object) -> None:
    print(_whole(json.dumps(value, indent=2, ensure_ascii=False)))  # noqa: T201 (its output)


def _say(words: str, code: int) -> int:
    print(f"agent-workers tools call: {_whole(words)}", file=sys.stderr)  # noqa: T201 (its output)
    return code


def _whole(text: str) -> str:
    """What a tool gave may hold half a surrogate pair, which no terminal takes."""
    return text.encode("utf-8", "replace").decode()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="agent-workers tools call", description=__doc__)
    parser.add_argument("tool")
    parser.add_argument("arguments", nargs="?", default="{}")
    parser.add_argument("--yes", action="store_true")
    parser.add_argument("--look-up", action="store_true")
    parser.add_argument("--tools", default="")
    for name in ("tenant", "user", "session", "job", "key"):
        parser.add_argument(f"--{name}", default="default" if name == "tenant" else "")
    return parser


if __name__ == "__main__":
    sys.exit(main())
