"""`agent-workers mcp`: adds MCP servers, shows what they offer, and approves their tools."""

import argparse
import getpass
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from agent_workers.cli.mcp.telling import (
    print_definitions,
    print_servers,
    print_tools,
    server_row,
    whole,
)
from agent_workers.cli.verbs import verbs_here
from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import TenantId
from agent_workers.domain.mcp.servers import (
    EFFECTS,
    McpServer,
    McpTool,
    ServerState,
    Standing,
    Terms,
    mistakes_of_server,
)
from agent_workers.execution.mcp.looking import look_at
from agent_workers.execution.mcp.opening import Opener
from agent_workers.execution.mcp.servers import Servers
from agent_workers.execution.mcp.tools import declared
from agent_workers.local.agents.models import hidden_places
from agent_workers.local.database import database_at
from agent_workers.local.outside import caller_of
from agent_workers.local.surroundings import system_here
from agent_workers.settings import Settings, mcp_secrets
from agent_workers.state.catalogue.mcp import McpRows
from agent_workers.terminal.errors import CommandFailed, WronglyAsked
from agent_workers.terminal.printing import add_json, print_json
from agent_workers.terminal.times import positive

_LOOK = "look at it again (`agent-workers mcp show`) before you approve it"
_BY_WORKER = "let a worker ask it, instead of this command"
Act = Callable[[Settings, McpRows, argparse.Namespace], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verb_of = verbs_here(parser, shared="whose server; by default one that all tenants share")

    def add(name: str, words: str, act: Act, *, named: bool = True) -> argparse.ArgumentParser:
        verb = verb_of(name, words, act)
        if named:
            verb.add_argument("name", help="the name of the server")
        return verb

    _add_arguments(add("add", "add a server, and ask it for its tools", _add))
    add_json(add("list", "list servers", _list, named=False))
    add_json(add("show", "show a server, its tools, and what approving would approve", _show))
    refresh = add("refresh", "ask a server for its tools again", _refresh)
    refresh.add_argument("--by-worker", action="store_true", help=_BY_WORKER)
    add_terms(add("approve", "let jobs call the tools of a server as they are now", _approve))
    for name, words in (
        ("disable", "let no job call a server, or some of its tools"),
        ("enable", "let jobs call them again; tools that have changed need approval"),
    ):
        switch = add(name, words, _switch)
        switch.add_argument("tools", nargs="*", metavar="TOOL", help="by default the whole server")
        switch.set_defaults(enabled=name == "enable")
    add("remove", "remove a server; jobs that name its tools fail and say so", _remove)


def run(arguments: argparse.Namespace) -> int:
    settings = system_here(arguments)
    with database_at(settings.database_url, "mcp") as database:
        arguments.act(settings, McpRows(database), arguments)
    return 0


def _add_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--url", default="", help="where it speaks streamable HTTP")
    words = "; repeatable; ${MCP_NAME} in the value stands for that variable of the worker"
    env, header = (
        f"an environment variable of the program{words}",
        f"a header to send to the URL{words}",
    )
    verb.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help=env)
    verb.add_argument("--header", action="append", default=[], metavar="NAME=VALUE", help=header)
    reads = "a file or folder that the program needs; repeatable"
    verb.add_argument("--read", action="append", default=[], metavar="PATH", help=reads)
    verb.add_argument("--network", action="store_true", help="the program may use the network")
    verb.add_argument("--by-worker", action="store_true", help=_BY_WORKER)
    program = "the program and its arguments; must come last"
    verb.add_argument("--command", nargs=argparse.REMAINDER, default=[], help=program)


def _add(settings: Settings, rows: McpRows, arguments: argparse.Namespace) -> None:
    server = McpServer(
        tenant_id=TenantId(arguments.tenant),
        name=arguments.name,
        command=tuple(arguments.command),
        env=dict(map(_pair, arguments.env)),
        url=arguments.url,
        headers=dict(map(_pair, arguments.header)),
        reads=tuple(arguments.read),
        network=arguments.network,
        created_by=_who(),
    )
    for mistake in mistakes_of_server(server):
        raise WronglyAsked(mistake)
    if not rows.add(server, due=arguments.by_worker):
        raise CommandFailed(f"there is already a server {server.name!r}: remove it first")
    print(f"added {server.name}")
    if not arguments.by_worker:
        _asked(settings, rows, server)


def _list(_: Settings, rows: McpRows, arguments: argparse.Namespace) -> None:
    tenant_id = TenantId(arguments.tenant)
    found = rows.servers(None if tenant_id == EVERYBODY else tenant_id)
    if arguments.json:
        print_json([server_row(one) for one in found])
    else:
        print_servers(found)


def _show(_: Settings, rows: McpRows, arguments: argparse.Namespace) -> None:
    server = _server(rows, arguments)
    tools = rows.tools(server)
    if arguments.json:
        print_json(whole(server, tools))
        return
    print_servers([server])
    print()
    print_tools(tools)
    print_definitions(tools)


def _refresh(settings: Settings, rows: McpRows, arguments: argparse.Namespace) -> None:
    server = _server(rows, arguments)
    if not arguments.by_worker:
        _asked(settings, rows, server)
    elif rows.mark_due(server.tenant_id, server.name):
        print(f"a worker will ask {server.name}")
    else:
        raise CommandFailed(f"{server.name!r} is {server.state.value}: enable it first")


def _approve(_: Settings, rows: McpRows, arguments: argparse.Namespace) -> None:
    server = _server(rows, arguments)
    terms = terms_of(arguments)
    chosen = _chosen(rows, server, arguments.tools)
    usable = [tool for tool in chosen if tool.seen is not None]
    if not usable:
        raise CommandFailed(
            f"{server.name!r} has no tool to approve: `agent-workers mcp refresh {server.name}`"
            " asks for its tools again"
        )
    if arguments.hash and len(usable) > 1:
        raise WronglyAsked("--hash is for one tool: name that tool")
    for tool in usable:
        _approve_one(rows, tool, terms, arguments.hash)


def _approve_one(rows: McpRows, tool: McpTool, terms: Terms, wanted: str) -> None:
    assert tool.seen is not None
    if not tool.seen.hash.startswith(wanted):
        raise CommandFailed(f"the hash of {tool.name!r} is {tool.seen.hash}, not {wanted}: {_LOOK}")
    properties = tool.seen.input_schema.get("properties")
    if terms.key_argument and terms.key_argument not in (properties or {}):  # type: ignore[operator]
        raise WronglyAsked(f"{tool.name!r} has no argument {terms.key_argument!r}")
    declared(replace(tool, approved=tool.seen, terms=terms))
    if not rows.approve(tool, tool.seen.hash, terms, by=_who()):
        raise CommandFailed(f"{tool.name!r} has just changed: {_LOOK}")
    print(f"approved {tool.full_name}: {terms.effect.value}, {tool.seen.hash}")


def _switch(_: Settings, rows: McpRows, arguments: argparse.Namespace) -> None:
    server, enabled = _server(rows, arguments), bool(arguments.enabled)
    if arguments.tools:
        rows.switch(_chosen(rows, server, arguments.tools), enabled=enabled)
    else:
        state = ServerState.ENABLED if enabled else ServerState.DISABLED
        rows.set_state(server.tenant_id, server.name, state)
    print("enabled" if enabled else "disabled")


def _remove(_: Settings, rows: McpRows, arguments: argparse.Namespace) -> None:
    server = _server(rows, arguments)
    rows.set_state(server.tenant_id, server.name, ServerState.REMOVED)
    print(f"removed {server.name}")


def _asked(settings: Settings, rows: McpRows, server: McpServer) -> None:
    wrong = ask(settings, rows, server)
    print_tools(rows.tools(server))
    if wrong and server.command:
        wrong = (
            f"{wrong} (the program sees only the system's files and what --read names; to change that,"
            " remove the server and add it again)"
        )
    if wrong:
        raise CommandFailed(wrong)


def _chosen(rows: McpRows, server: McpServer, names: Sequence[str]) -> list[McpTool]:
    tools = rows.tools(server)
    known = {tool.name: tool for tool in tools} | {tool.full_name: tool for tool in tools}
    for name in names:
        if name not in known:
            raise CommandFailed(
                f"{server.name!r} has no tool {name!r}: see `agent-workers mcp show {server.name}`"
            )
    return [known[name] for name in names] or [
        tool for tool in tools if tool.standing is not Standing.APPROVED
    ]


def _server(rows: McpRows, arguments: argparse.Namespace) -> McpServer:
    wanted = (arguments.tenant, arguments.name)
    found = next((one for one in rows.servers() if one.place == wanted), None)
    if found is None:
        raise CommandFailed(
            f"there is no MCP server {arguments.name!r}: see `agent-workers mcp list`"
        )
    return found


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise WronglyAsked(f"{text!r} is not NAME=VALUE")
    return name, value


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def ask(settings: Settings, rows: McpRows, server: McpServer) -> str:
    """Write down what it offers; returns what was wrong with it, if anything."""
    secrets = mcp_secrets()
    opener = Opener(secrets=secrets, http=caller_of(settings), hides=hidden_places(settings))
    servers = Servers(opener, lambda *_: None, secrets=secrets)
    return look_at(server, servers, rows)


def add_terms(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "tools", nargs="*", metavar="TOOL", help="by default all that are not approved yet"
    )
    classes = [effect.value for effect in EFFECTS]
    verb.add_argument(
        "--effect",
        choices=classes,
        default="unsafe",
        help="how a call may be repeated (unsafe: never)",
    )
    verb.add_argument(
        "--timeout",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="how long one call may take (30)",
    )
    verb.add_argument(
        "--key-ttl", type=positive, metavar="HOURS", help="how long the server honours a key"
    )
    verb.add_argument(
        "--key-argument", default="", metavar="NAME", help="the argument that carries the key"
    )
    final = "an error that the server reports means that nothing was done"
    verb.add_argument("--errors-are-final", action="store_true", help=final)
    verb.add_argument("--hash", default="", help="approve only if the tool's hash begins with this")


def terms_of(arguments: argparse.Namespace) -> Terms:
    effect = EffectClass(arguments.effect)
    is_keyed = effect is EffectClass.KEYED
    if is_keyed is not bool(arguments.key_ttl) or is_keyed is not bool(arguments.key_argument):
        raise WronglyAsked(
            "--effect keyed needs --key-ttl and --key-argument; no other effect takes them"
        )
    if not 0.1 <= arguments.timeout <= 3_600:  # noqa: PLR2004 (the message says it)
        raise WronglyAsked("--timeout must be between 0.1 and 3600 seconds")
    return Terms(
        effect=effect,
        timeout=timedelta(seconds=arguments.timeout),
        key_ttl=timedelta(hours=arguments.key_ttl) if arguments.key_ttl else None,
        key_argument=arguments.key_argument,
        errors_are_final=arguments.errors_are_final,
    )
