"""`agent-workers tools`: what tools a worker would have here, whether they are well declared, a call."""

import argparse
import json
from collections.abc import Callable, Iterator

from agent_workers.cli.start.becoming import become
from agent_workers.cli.tools.checks import cannot_load, check_tool
from agent_workers.cli.verbs import verbs_here
from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.text.nearest import did_you_mean
from agent_workers.execution.agents.registry import LoadedTool, Registry
from agent_workers.execution.tools.describing import described, place_of
from agent_workers.local import programs
from agent_workers.local.agents.registry import registry_of
from agent_workers.local.surroundings import said_here, settings_here
from agent_workers.settings import Settings
from agent_workers.terminal.errors import CommandFailed
from agent_workers.terminal.findings import Level
from agent_workers.terminal.printing import add_json, print_json, print_rows

Act = Callable[[Settings, argparse.Namespace], int]
_NONE = "no tools; name a module with --tools or AGENT_TOOLS"
_PASSED_ON = ("tenant", "user", "session", "job", "key")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verb_of = verbs_here(parser)

    def add(name: str, words: str, act: Act) -> argparse.ArgumentParser:
        verb = verb_of(name, words, act)
        verb.add_argument(
            "--tools", help="modules with tools (AGENT_TOOLS); `package.*` means all of its modules"
        )
        return verb

    add_json(add("list", "list the tools that a worker would have here", _list))
    show = add("show", "print what a tool takes, returns and declares", _show)
    show.add_argument("tool", metavar="NAME", help="as `tools list` shows it")
    add_json(show)
    check = add(
        "check", "check how tools are declared; exit code 1 if something must be changed", _check
    )
    check.add_argument("names", nargs="*", metavar="NAME", help="by default all tools")
    check.add_argument("--strict", action="store_true", help="warnings count as well")
    add_json(check)
    _add_call(add("call", "call one tool in a process of its own, outside of any job", _call))


def run(arguments: argparse.Namespace) -> int:
    settings = settings_here(arguments)
    if arguments.tools:
        modules = tuple(name.strip() for name in arguments.tools.split(",") if name.strip())
        settings = settings.model_copy(update={"tools": modules})
    act: Act = arguments.act
    return act(settings, arguments)


def _add_call(call: argparse.ArgumentParser) -> None:
    call.add_argument("tool", metavar="NAME", help="as `tools list` shows it")
    call.add_argument(
        "arguments", nargs="?", default="{}", metavar="JSON", help="its arguments, as an object"
    )
    call.add_argument(
        "--yes", action="store_true", help="needed for a tool that may change something"
    )
    call.add_argument(
        "--look-up", action="store_true", help="only look up whether the effect with --key happened"
    )
    call.add_argument("--key", help="the key of the effect; by default a new one")
    call.add_argument("--tenant", help="the tenant that it acts for (default)")
    for name in ("user", "session", "job"):
        call.add_argument(f"--{name}", help=f"the {name} that the tool sees (none)")


def _list(settings: Settings, arguments: argparse.Namespace) -> int:
    tools = registry_of(settings).tools
    if arguments.json:
        print_json([described(tools[name]) for name in sorted(tools)])
    else:
        print_rows(
            [row_of(tools[name]) for name in sorted(tools)],
            COLUMNS,
            none=_NONE,
        )
    return 0


def _show(settings: Settings, arguments: argparse.Namespace) -> int:
    tool = _found(registry_of(settings), arguments.tool)
    if arguments.json:
        print_json(described(tool))
    else:
        print(text_of(tool), end="")
    return 0


def _check(settings: Settings, arguments: argparse.Namespace) -> int:
    try:
        registry = registry_of(settings)
        names = arguments.names or sorted(registry.tools)
        tools = [_found(registry, name) for name in names]
        findings = [finding for tool in tools for finding in check_tool(tool, registry)]
    except CommandFailed:
        raise
    except AgentWorkersError as error:
        findings = [cannot_load(error)]
    if arguments.json:
        print_json(
            [{"level": one.level, "text": one.text, "remedy": one.remedy} for one in findings]
        )
    else:
        print("\n".join(one.line for one in findings) or _NONE)
    bad = {Level.FAIL, Level.WARN} if arguments.strict else {Level.FAIL}
    return int(any(one.level in bad for one in findings))


def _call(settings: Settings, arguments: argparse.Namespace) -> int:
    said = {name: getattr(arguments, name) for name in _PASSED_ON}
    options = [f"--{name}={value}" for name, value in said.items() if value]
    options += ["--yes"] if arguments.yes else []
    options += ["--look-up"] if arguments.look_up else []
    given = {**said_here(arguments), "TOOLS": ",".join(settings.tools)}
    return become(
        programs.TOOL_CALL, given, options=[*options, "--", arguments.tool, arguments.arguments]
    )


def _found(registry: Registry, name: str) -> LoadedTool:
    tool = registry.tools.get(name)
    if tool is not None:
        return tool
    hint = did_you_mean(name, registry.tools) or "name its module with --tools or AGENT_TOOLS"
    raise CommandFailed(f"there is no tool {name!r}; {hint}")


COLUMNS = ("name", "effect", "version", "timeout", "hash", "scopes", "declared in")
_HASH = 12
_NOT_LINES = frozenset({"name", "description", "parameters", "result", "schema_hash"})


def row_of(tool: LoadedTool) -> dict[str, object]:
    declared = tool.declared
    return {
        "name": declared.name,
        "effect": declared.effect.value,
        "version": declared.version,
        "timeout": f"{declared.timeout.total_seconds():g} s",
        "hash": tool.signature.schema_hash[:_HASH],
        "scopes": " ".join(declared.scopes),
        "declared in": place_of(declared),
    }


def text_of(tool: LoadedTool) -> str:
    """Print a tool for people: what is not declared is left out."""
    return "".join(f"{line}\n" for line in _lines(tool))


def _lines(tool: LoadedTool) -> Iterator[str]:
    told = described(tool)
    yield f"{told['name']}@{tool.signature.schema_hash[:_HASH]}"
    yield from (f"  {line.strip()}" for line in tool.declared.description.splitlines())
    yield ""
    for name, value in told.items():
        if name not in _NOT_LINES and value not in (None, "", [], False):
            yield f"{name:16}{_written(value)}"
    yield from _schema("parameters", told["parameters"])
    yield from _schema("result", told["result"])


def _schema(name: str, schema: object) -> Iterator[str]:
    if schema is None:
        yield f"{name:16}not declared, so anything"
        return
    yield ""
    yield f"{name}:"
    written = json.dumps(schema, indent=2, ensure_ascii=False)
    yield from (f"  {line}" for line in written.splitlines())


def _written(value: object) -> str:
    if isinstance(value, list):
        return " ".join(str(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
